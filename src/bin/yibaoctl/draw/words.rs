//! What the values of the wire are called, Chinese and English.

use yibaod::api::{
    CancelVerdict, CardMedium, ClaimEnd, CodeKind, DeviceChange, DeviceState, ErrorMoney, Money,
    PaperProof, PaperState, PrintJobState, RefundMoney, Repeat, ResolvedAs, Stage, StuckSubject,
    TriedEnd,
};

/// Chinese and English.
pub(crate) type Words = (&'static str, &'static str);

pub(crate) fn money(money: Money) -> Words {
    match money {
        Money::Unspecified => ("不明", "NOT SAID"),
        Money::Settled => ("已结算", "SETTLED"),
        Money::Refused => ("已拒绝（未扣费）", "REFUSED"),
        Money::Cancelled => ("已取消（未扣费）", "CANCELLED"),
        Money::Reversed => ("已冲正（已退回）", "REVERSED"),
        Money::Unknown => ("结果未知", "UNKNOWN"),
        Money::Pending => ("进行中", "PENDING"),
    }
}

pub(crate) fn job(state: PrintJobState) -> Words {
    match state {
        PrintJobState::Waiting => ("等待打印机", "waiting"),
        PrintJobState::Printing => ("正在打印", "printing"),
        PrintJobState::Printed => ("已打印", "printed"),
        PrintJobState::NotPrinted => ("未打印", "not printed"),
        PrintJobState::Unknown => ("不清楚是否打出", "unknown"),
        PrintJobState::Cancelled => ("已取消", "cancelled"),
        PrintJobState::Unspecified => ("不明", "not said"),
    }
}

/// What an error says of the money; nothing when money has no part in it.
pub(crate) fn error_money(money: ErrorMoney) -> Option<Words> {
    match money {
        ErrorMoney::Unspecified | ErrorMoney::NotConcerned => None,
        ErrorMoney::NotCharged => Some((
            "未扣费（或已退回）",
            "nothing was charged, or it was given back",
        )),
        ErrorMoney::Charged => Some(("已扣费", "it was charged")),
        ErrorMoney::Unknown => Some(("是否扣费尚不清楚", "whether it was charged is not known")),
    }
}

/// Whether the same call may be made again.
pub(crate) fn repeat(repeat: Repeat) -> Words {
    match repeat {
        Repeat::Unspecified => ("不明", "not said"),
        Repeat::SameId => (
            "可以重做，请求编号不变",
            "safe to repeat; a request_id stays the same",
        ),
        Repeat::NewId => (
            "处理后可重做，请求编号须换新",
            "once mended, do it again; a request_id must be new",
        ),
        Repeat::AskOnly => (
            "请勿重做，只可查询",
            "do not repeat it; ask what became of it",
        ),
    }
}

pub(crate) fn paper(state: PaperState) -> Words {
    match state {
        PaperState::Unspecified => ("不明", "not said"),
        PaperState::Printed => ("已出纸", "printed"),
        PaperState::NotPrinted => ("未打印", "not printed"),
        PaperState::Unknown => ("可能已出纸", "may have come out"),
        PaperState::Queued => ("等待打印", "queued"),
        PaperState::NotAsked => ("无须打印", "not asked"),
    }
}

pub(crate) fn proof(proof: PaperProof) -> Words {
    match proof {
        PaperProof::Unspecified => ("", ""),
        PaperProof::ProcessId => ("打印机回报进程编号", "process id"),
        PaperProof::Status => ("状态应答", "status answer"),
        PaperProof::QueueFinished => ("打印队列报告完成", "the queue says finished"),
    }
}

pub(crate) fn stage(stage: Stage) -> Words {
    match stage {
        Stage::Unspecified => ("不明", "not said"),
        Stage::Queued => ("排队等候扫码器", "queued for the scanner"),
        Stage::WaitingScan => ("等待出示医保码", "waiting for a code"),
        Stage::Decoding => ("解码", "decoding"),
        Stage::Person => ("查询参保信息", "person"),
        Stage::WaitingPerson => ("等待核对人员", "waiting for PERSON"),
        Stage::Registering => ("登记就诊", "registering"),
        Stage::Visit => ("上传就诊信息", "visit"),
        Stage::Fees => ("上传费用明细", "fee lines"),
        Stage::PreSettling => ("预结算", "previewing"),
        Stage::WaitingAmounts => ("等待核对金额", "waiting for AMOUNTS"),
        Stage::WaitingFreshScan => ("等待刷新后的医保码", "waiting for a fresh code"),
        Stage::Settling => ("结算扣费", "settling"),
        Stage::FindingOut => ("查明结算结果", "finding out"),
        Stage::Undoing => ("撤销", "undoing"),
        Stage::Printing => ("打印", "printing"),
        Stage::WaitingCaller => ("等待调用方接续", "waiting for the caller"),
        Stage::Stuck => ("须人工处理", "stuck"),
        Stage::Ended => ("结束", "ended"),
    }
}

pub(crate) fn verdict(verdict: CancelVerdict) -> Words {
    match verdict {
        CancelVerdict::Unspecified => ("不明", "not said"),
        CancelVerdict::Cancelled => ("没有成立的扣费", "no charge stands"),
        CancelVerdict::TooLateSettled => ("太迟：已结算", "too late: it is settled"),
        CancelVerdict::TooLateBeingSettled => (
            "太迟：正在结算，结果尚未明确",
            "too late: it is being settled",
        ),
    }
}

pub(crate) fn resolved(verdict: ResolvedAs) -> Words {
    match verdict {
        ResolvedAs::Unspecified => ("不明", "not said"),
        ResolvedAs::Settled => ("已结算且成立", "settled"),
        ResolvedAs::NotCharged => ("未扣费", "not-charged"),
        ResolvedAs::Reversed => ("已退回", "reversed"),
        ResolvedAs::Refunded => ("已退费", "refunded"),
        ResolvedAs::NotRefunded => ("未退费", "not-refunded"),
        ResolvedAs::Recorded => ("平台已记录", "recorded"),
        ResolvedAs::NotRecorded => ("平台未记录", "not-recorded"),
    }
}

pub(crate) fn refund(money: RefundMoney) -> Words {
    match money {
        RefundMoney::Unspecified => ("不明", "NOT SAID"),
        RefundMoney::Refunded => ("已退费", "REFUNDED"),
        RefundMoney::Refused => ("已拒绝（未退费）", "REFUSED"),
        RefundMoney::Unknown => ("结果未知", "UNKNOWN"),
        RefundMoney::Pending => ("进行中", "PENDING"),
    }
}

pub(crate) fn subject(subject: StuckSubject) -> Words {
    match subject {
        StuckSubject::Unspecified => ("其他", "other"),
        StuckSubject::Settlement => ("结算", "settlement"),
        StuckSubject::Refund => ("退费", "refund"),
        StuckSubject::Dispense => ("发药退药", "dispense"),
    }
}

pub(crate) fn tried(end: TriedEnd) -> Words {
    match end {
        TriedEnd::Unspecified => ("不明", "not said"),
        TriedEnd::Done => ("已办理", "done"),
        TriedEnd::Refused => ("被拒绝", "refused"),
        TriedEnd::NotSent => ("未能发出", "not sent"),
        TriedEnd::Unknown => ("无有效应答", "no answer"),
        TriedEnd::Found => ("查到且成立", "found"),
        TriedEnd::GivenBack => ("已退回", "given back"),
        TriedEnd::NothingThere => ("查无此笔", "nothing there"),
        TriedEnd::Unclear => ("不能说明", "unclear"),
    }
}

pub(crate) fn device(state: DeviceState) -> Words {
    match state {
        DeviceState::Unspecified => ("不明", "not said"),
        DeviceState::Closed => ("未查看", "not looked at"),
        DeviceState::Missing => ("不在", "missing"),
        DeviceState::Ready => ("可用", "ready"),
        DeviceState::Busy => ("工作中", "busy"),
        DeviceState::PaperOut => ("缺纸", "paper out"),
        DeviceState::CoverOpen => ("盖子打开", "cover open"),
        DeviceState::Fault => ("故障", "fault"),
    }
}

pub(crate) fn code_kind(kind: CodeKind) -> Words {
    match kind {
        CodeKind::Unspecified | CodeKind::Unknown => ("未知码", "unknown code"),
        CodeKind::Evoucher => ("医保码", "insurance code"),
        CodeKind::IdNumber => ("身份证号", "id number"),
        CodeKind::WechatPay => ("微信付款码", "WeChat payment code"),
        CodeKind::Alipay => ("支付宝付款码", "Alipay payment code"),
        CodeKind::UnionPay => ("银联付款码", "UnionPay payment code"),
        CodeKind::DrugTrace => ("药品追溯码", "drug trace code"),
        CodeKind::HealthCode => ("健康码", "health code"),
        CodeKind::Web => ("网址", "web address"),
        CodeKind::Site => ("本院码", "site's own code"),
        CodeKind::Incomplete => ("不完整的医保码", "part of an insurance code"),
        CodeKind::Glued => ("粘连的码", "glued codes"),
    }
}

pub(crate) fn claim_end(end: ClaimEnd) -> Words {
    match end {
        ClaimEnd::Unspecified => ("占用已结束", "the claim is over"),
        ClaimEnd::Released => ("占用已释放", "the claim was given back"),
        ClaimEnd::TakenAway => ("占用被管理员收回", "an admin took the claim away"),
        ClaimEnd::LeaseOver => ("占用租期已过", "the lease is over"),
        ClaimEnd::Stopping => ("守护进程正在停止", "the daemon stops"),
    }
}

pub(crate) fn medium(medium: CardMedium) -> Words {
    match medium {
        CardMedium::Unspecified => ("不明", "not said"),
        CardMedium::SocialCard => ("社会保障卡", "social security card"),
        CardMedium::ResidentId => ("居民身份证", "resident id card"),
    }
}

pub(crate) fn change(change: DeviceChange) -> Words {
    match change {
        DeviceChange::Unspecified => ("不明", "not said"),
        DeviceChange::Arrived => ("线路已打开", "line opened"),
        DeviceChange::Ready => ("可以使用", "ready"),
        DeviceChange::Claimed => ("被占用", "claimed"),
        DeviceChange::Released => ("已释放", "released"),
        DeviceChange::Busy => ("工作中", "busy"),
        DeviceChange::Closed => ("空闲，已释放", "let go, not looked at"),
        DeviceChange::PaperOut => ("缺纸", "paper out"),
        DeviceChange::PaperLow => ("纸将用尽", "paper low"),
        DeviceChange::PaperOk => ("已有纸", "paper again"),
        DeviceChange::CoverOpen => ("盖子打开", "cover opened"),
        DeviceChange::CoverClosed => ("盖子合上", "cover shut"),
        DeviceChange::Fault => ("故障", "fault"),
        DeviceChange::FaultCleared => ("故障消除", "fault over"),
        DeviceChange::Unplugged => ("线路断开", "unplugged"),
        DeviceChange::CardIn => ("有卡", "card in"),
        DeviceChange::CardOut => ("卡已取走", "card out"),
        DeviceChange::PinAsked => ("请在读卡器键盘上输入密码", "PIN awaited on the keypad"),
        DeviceChange::PinOver => ("密码输入结束", "PIN entry over"),
        DeviceChange::Added => ("配置中加入", "configured"),
        DeviceChange::Removed => ("配置中去掉", "taken out of the configuration"),
        DeviceChange::Ambiguous => ("多台设备符合规则", "several devices fit"),
        DeviceChange::NotPermitted => ("无权打开", "not permitted"),
        DeviceChange::HeldElsewhere => ("被其他程序占用", "held elsewhere"),
        DeviceChange::CodeIgnored => ("无人等待的扫码，已丢弃", "code dropped, nobody waits"),
    }
}
