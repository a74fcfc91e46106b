//! The rows of the table about reconciliations, set behind all others: what keeps one from being made, and what it
//! may find. The form of a row is the table's.

macro_rules! with_reconciling {
    ($($rows:tt)*) => {
        codes! {
            $($rows)*

            // Reconciliation: what cannot be begun or ended.
            SpanInvalid = "E8101", "SPAN_INVALID", NotConcerned, NewId,
                "对账日期不是有效日期，或结束日期早于开始日期。",
                "A date of the reconciliation is no date, or the last day is before the first.",
                "请按 yyyy-MM-dd 填写日期并确认先后顺序后重新发起。",
                "Write the dates as yyyy-MM-dd, the earlier one first, and call again.";
            SpanInFuture = "E8102", "SPAN_IN_FUTURE", NotConcerned, NewId,
                "对账日期在今天之后。",
                "A day of the reconciliation has not begun yet.",
                "请改为今天或更早的日期；日期以医保平台的结算时间（北京时间）为准。",
                "Name today or an earlier day; days are those of the platform's setl_time at +08:00.";
            SpanBeforeJournal = "E8103", "SPAN_BEFORE_JOURNAL", NotConcerned, NewId,
                "对账日期早于本机流水日志的开始日期。",
                "A day of the reconciliation is before the first record of this journal.",
                "请改为日志开始之后的日期；更早的结算请用当时的日志备份核对。",
                "Name days since the journal began; reconcile older ones with the journal of that time.";
            SpanTooLong = "E8104", "SPAN_TOO_LONG", NotConcerned, NewId,
                "对账的日期跨度太长。",
                "The reconciliation spans too many days.",
                "请分段对账，每段不超过 31 天。",
                "Reconcile in parts of at most 31 days.";
            TooManySettlements = "E8105", "TOO_MANY_SETTLEMENTS", NotConcerned, NewId,
                "这段日期的结算笔数超出一次对账的上限。",
                "There are more settlements in these days than one reconciliation takes.",
                "请缩短日期范围后分次对账。",
                "Reconcile fewer days at a time.";
            ExportDamaged = "E8111", "EXPORT_DAMAGED", NotConcerned, NewId,
                "窗口导出的流水文件不完整或被改动过。",
                "The export of a desk was cut short or changed.",
                "请在该窗口重新执行 yibaoctl journal export 并完整复制文件，不要用编辑器打开保存。",
                "Run yibaoctl journal export at that desk again and copy the file whole and unchanged.";
            ExportOtherHospital = "E8112", "EXPORT_OTHER_HOSPITAL", NotConcerned, NewId,
                "窗口导出的流水文件属于另一家定点医药机构。",
                "The export of a desk is of another hospital.",
                "请确认文件来源，只使用本机构各窗口的导出文件。",
                "Check where the file came from and use exports of this hospital's desks only.";
            ExportOtherSpan = "E8113", "EXPORT_OTHER_SPAN", NotConcerned, NewId,
                "窗口导出的流水文件的日期范围与本次对账不同。",
                "The export of a desk is of other days than this reconciliation.",
                "请在该窗口用相同的 --date 和 --to 重新导出。",
                "Export at that desk again with the same --date and --to.";
            ExportDeskTwice = "E8114", "EXPORT_DESK_TWICE", NotConcerned, NewId,
                "同一窗口的流水出现了两份。",
                "The same desk is there twice.",
                "每个窗口只给一份导出文件；本机的流水由守护进程自己读取，不要再给。",
                "Give one export a desk, and none of this desk, whose journal is read by itself.";
            ExportDeskMissing = "E8115", "EXPORT_DESK_MISSING", NotConcerned, NewId,
                "缺少所列窗口中某些窗口的导出文件。",
                "The export of a desk that was named is missing.",
                "请补齐所列窗口的导出文件；日志已丢失的窗口请从名单中去掉，其结算会列为平台独有。",
                "Add the missing exports; leave a desk whose journal is lost off the list, then its rows are found there only.";
            ExportDeskNotNamed = "E8116", "EXPORT_DESK_NOT_NAMED", NotConcerned, NewId,
                "导出文件中的窗口不在所列窗口之内。",
                "An export is of a desk that was not named.",
                "请核对窗口名单，补上该窗口或去掉该文件。",
                "Check the list of desks and add this one or leave its file out.";
            HisListUnreadable = "E8117", "HIS_LIST_UNREADABLE", NotConcerned, NewId,
                "HIS 结算清单无法读取。",
                "The list of the HIS cannot be read.",
                "请按文档的 CSV 或 JSON 格式重新导出，所述行号或字段有误。",
                "Export it again in the documented CSV or JSON form; the detail names the line or field.";
            StatementFileCut = "E8121", "STATEMENT_FILE_CUT", NotConcerned, NewId,
                "医保平台返回的对账文件不完整。",
                "The statement file of the platform was cut short or damaged on its way.",
                "请稍后重新对账；反复出现请联系医保经办机构。",
                "Reconcile again later; if it keeps happening, call the insurance office.";
            StatementFileTooLarge = "E8122", "STATEMENT_FILE_TOO_LARGE", NotConcerned, NewId,
                "医保平台返回的对账文件过大，未解压。",
                "The statement file of the platform is too large and was not unpacked.",
                "请缩短日期范围后重新对账；单日仍出现请联系医保经办机构。",
                "Reconcile fewer days at a time; if one day is too large, call the insurance office.";
            StatementFileWrong = "E8123", "STATEMENT_FILE_WRONG", NotConcerned, NewId,
                "医保平台返回的对账文件的列与接口规范不符。",
                "The columns of the platform's statement file are not those of the specification.",
                "请联系技术支持，对照当地规范核对站点配置中的对账项。",
                "Call support to compare the reconciliation keys of the site profile with the local rules.";
            ReconciliationIncomplete = "E8124", "RECONCILIATION_INCOMPLETE", NotConcerned, NewId,
                "对账没有做完，医保平台多次没有给出有效应答。",
                "The reconciliation is not complete: the platform gave no answer that counts several times.",
                "已列出的差异有效；请在网络恢复后用新的编号重新对账。",
                "The differences listed are true; reconcile again with a new id when the network is back.";

            // Reconciliation: what a difference is, and what to do about it.
            NotAtPlatform = "E8201", "NOT_AT_PLATFORM", NotConcerned, NewId,
                "本机记录已结算，医保平台查不到。",
                "Settled here, but unknown at the platform.",
                "请勿再次结算；携带结算 ID 和报文 ID 联系医保经办机构核实后处理。",
                "Do not settle again; ask the insurance office about the setl_id and the msgid first.";
            NotInJournals = "E8202", "NOT_IN_JOURNALS", NotConcerned, NewId,
                "医保平台有这笔记录，所给的流水中都没有。",
                "The platform has it, but none of the journals heard of it.",
                "请查是否由其他系统办理；若患者未取得服务，请以结算 ID 办理退费。",
                "Find out whether another system made it; if the patient got nothing for it, refund it by its setl_id.";
            RefundedThereOnly = "E8203", "REFUNDED_THERE_ONLY", NotConcerned, NewId,
                "医保平台已退费，所给的流水中没有退费记录。",
                "Refunded at the platform, but no refund is in the journals.",
                "可能由其他窗口或平台办理退费；请核实自付部分是否已退给患者，并在 HIS 中登记退费。",
                "Another desk or the bureau may have refunded it; see that the self-paid part went back and book it in the HIS.";
            RefundedHereOnly = "E8204", "REFUNDED_HERE_ONLY", NotConcerned, NewId,
                "本机记录已退费，医保平台仍为已结算。",
                "Refunded here, but it stands at the platform.",
                "请勿再次收费；核实后以结算 ID 重新办理退费。",
                "Refund it again by its setl_id once that was checked; do not charge again.";
            AmountDiffers = "E8205", "AMOUNT_DIFFERS", NotConcerned, NewId,
                "同一笔记录的金额与医保平台不一致。",
                "An amount differs from the platform's.",
                "请以医保平台的金额为准核对票据和自付金额，差额与患者结清；原因不明请联系医保经办机构。",
                "The platform's amount counts; compare the receipt, settle the difference with the patient, and ask the insurance office why.";
            MsgidDiffers = "E8206", "MSGID_DIFFERS", NotConcerned, NewId,
                "结算 ID 相同而报文 ID 与医保平台不一致。",
                "The setl_id is the same but the platform names another msgid.",
                "请联系技术支持核对这笔结算是由哪次请求产生的。",
                "Call support to find out which request made this settlement.";
            OpenHereFoundThere = "E8207", "OPEN_HERE_FOUND_THERE", NotConcerned, NewId,
                "本机尚未得出结果的结算，在医保平台已查到。",
                "Not resolved here, but found at the platform.",
                "请勿再次结算；在本机对该结算执行处理（resolve），按平台结果登记为已结算。",
                "Do not settle again; resolve it at its desk as settled, with the setl_id shown here.";
            OpenHere = "E8208", "OPEN_HERE", NotConcerned, NewId,
                "本机尚未得出结果的结算，在医保平台没有查到。",
                "Not resolved here, and not found at the platform.",
                "请等待守护进程查明，或次日再对账；确认平台没有后，在本机登记为未扣费。",
                "Let the daemon find out or reconcile again tomorrow; then resolve it at its desk as not charged.";
            GoneHereStandsThere = "E8209", "GONE_HERE_STANDS_THERE", NotConcerned, NewId,
                "本机记录为未扣费或已冲正，医保平台却有这笔结算。",
                "Not charged or reversed here, but it stands at the platform.",
                "患者可能被扣费；请核实后以结算 ID 办理退费，并保留本条记录。",
                "The patient may be charged; check it, then refund it by its setl_id and keep this record.";
            OnlyInHisList = "E8210", "ONLY_IN_HIS_LIST", NotConcerned, NewId,
                "HIS 清单中有，所给的流水中没有。",
                "In the list of the HIS, but in none of the journals.",
                "请核对 HIS 的结算 ID 和日期，并查是否漏给了某个窗口的导出文件。",
                "Check setl_id and day in the HIS, and whether the export of a desk is missing.";
            NotInHisList = "E8211", "NOT_IN_HIS_LIST", NotConcerned, NewId,
                "流水中有，HIS 清单中没有。",
                "In a journal, but not in the list of the HIS.",
                "HIS 可能没有登记这笔结算；请按结算 ID 补登记，患者未取得服务的请退费。",
                "The HIS may not have booked it; book it by its setl_id, or refund it if the patient got nothing.";
            HisAmountDiffers = "E8212", "HIS_AMOUNT_DIFFERS", NotConcerned, NewId,
                "HIS 清单中的金额与流水不一致。",
                "The amount in the list of the HIS differs from the journal's.",
                "请以流水中的金额为准更正 HIS。",
                "The journal's amount counts; correct the HIS.";
            OtherDesk = "E8213", "OTHER_DESK", NotConcerned, NewId,
                "医保平台有这笔记录，报文 ID 表明属于未给流水的窗口。",
                "The platform has it, and its msgid is that of a desk whose journal was not given.",
                "请补上该窗口的导出文件后重新对账；日志已丢失的，请逐笔核实。",
                "Add the export of that desk and reconcile again; if its journal is lost, check it by hand.";
            NotCompared = "E8214", "NOT_COMPARED", NotConcerned, NewId,
                "这一项未能与医保平台核对。",
                "This could not be compared with the platform.",
                "请稍后重新对账；反复出现请联系技术支持。",
                "Reconcile again later; if it keeps happening, call support.";
            TotalsDiffer = "E8215", "TOTALS_DIFFER", NotConcerned, NewId,
                "医保平台认为总额不平，但明细中没有列出差异。",
                "The platform says that the totals differ, but its details list no difference.",
                "请核对站点配置中对账的笔数口径，并联系医保经办机构。",
                "Check how the site profile counts refunds in a statement, and ask the insurance office.";
            Forgotten = "E8216", "FORGOTTEN", NotConcerned, NewId,
                "这笔结算的明细已按保存期限清除，无法核对。",
                "The details of this settlement were forgotten by rule and cannot be compared.",
                "请用 HIS 或医保平台的记录核对。",
                "Compare it with the records of the HIS or the platform.";
            HisListsTwice = "E8217", "HIS_LISTS_TWICE", NotConcerned, NewId,
                "HIS 清单中重复列出了同一笔记录。",
                "The list of the HIS has the same record twice.",
                "请查 HIS 是否重复登记或重复导出，去掉多余的一笔；不要据此再次退费。",
                "Find out whether the HIS booked or exported it twice and take one out; do not refund anything because of it.";
        }
    };
}
