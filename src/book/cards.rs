//! The rows of the table about cards and their readers, set between the other devices and the platform. The form
//! of a row is the table's.

macro_rules! with_cards {
    ({ $($before:tt)* } { $($after:tt)* }) => {
        with_queues! { {
            $($before)*

            // Cards and their readers.
            CardReaderMissing = "E3021", "CARD_READER_MISSING", NotCharged, NewId,
                "没有找到读卡器。",
                "No card reader was found.",
                "请检查读卡器的连线和电源，指示灯亮后重新发起。",
                "Check the card reader's cable and power, then start again.";
            CardReaderUnplugged = "E3022", "CARD_READER_UNPLUGGED", NotCharged, NewId,
                "等待读卡时读卡器断开了。",
                "The card reader went away while a card was awaited.",
                "请重新插好读卡器，稍候几秒后重新发起。",
                "Plug the card reader in again, wait some seconds and start again.";
            CardReaderBusy = "E3023", "CARD_READER_BUSY", NotCharged, NewId,
                "读卡器正被另一笔业务占用。",
                "The card reader is in use by another request.",
                "请等前一笔结束后重新发起；yibaoctl device who 列出占用者。",
                "Wait until the other one has ended, then start again; yibaoctl device who lists who has it.";
            CardReaderSilent = "E3024", "CARD_READER_SILENT", NotCharged, NewId,
                "读卡器或卡片没有在规定时间内应答。",
                "The card reader or the card did not answer in time.",
                "请取出卡片重新插入或放好；仍不行请重新插拔读卡器后再试。",
                "Take the card out and present it again; if that does not help, replug the reader.";
            CardReaderForbidden = "E3025", "CARD_READER_FORBIDDEN", NotCharged, NewId,
                "系统不允许本程序使用读卡器。",
                "This system does not let the daemon use the card reader.",
                "请信息科检查读卡服务的 polkit 规则或设备文件的权限。",
                "Have the IT department check pcscd's polkit rule or the permissions of the device file.";
            CardReadersAlike = "E3026", "CARD_READERS_ALIKE", NotCharged, NewId,
                "有多个读卡器都符合配置，无法确定用哪一个。",
                "Several card readers fit the configuration; which one is meant cannot be told.",
                "请信息科在配置中用 reader 写明读卡器的名称，或只连接一个读卡器。",
                "Name the reader by the key reader in the configuration, or connect only one.";
            CardServiceMissing = "E3027", "CARD_SERVICE_MISSING", NotCharged, NewId,
                "读卡服务 pcscd 没有运行。",
                "The card service pcscd does not run.",
                "请信息科安装并启动 pcscd 服务，恢复后会自动接上，再重新发起。",
                "Have pcscd installed and started; it is found again by itself, then start again.";
            CardHostFailed = "E3028", "CARD_HOST_FAILED", NotCharged, NewId,
                "读卡程序 yibao-card 没有安装或意外退出。",
                "The program yibao-card is not installed, or it ended unexpectedly.",
                "请稍候几秒后重新发起；仍不行请信息科检查 yibao-card 是否已安装。",
                "Wait some seconds and start again; if it persists, check that yibao-card is installed.";
            CardReaderNotConfigured = "E3029", "CARD_READER_NOT_CONFIGURED", NotCharged, NewId,
                "本机没有配置能读取这种证件的读卡器。",
                "No reader for such cards is configured at this desk.",
                "请改用医保码，或由信息科在 yibaod.toml 中添加读卡器（社保卡 card，身份证 id-card）。",
                "Use the e-voucher's code, or have a reader added to yibaod.toml (role card or id-card).";
            CardPulled = "E3041", "CARD_PULLED", NotCharged, NewId,
                "读卡没有完成卡片就被取走了。",
                "The card was taken away before it was read.",
                "请重新插好或放好卡片，读完之前不要取走。",
                "Present the card again and leave it there until it has been read.";
            CardUnreadable = "E3042", "CARD_UNREADABLE", NotCharged, NewId,
                "卡片或读卡器返回的内容无法识别。",
                "What the card or its reader answered cannot be read.",
                "请擦净芯片后重新读卡；仍不行请改用医保码或其他证件。",
                "Clean the chip and present the card again, or use the e-voucher's code or another document instead.";
            CardUnknownKind = "E3043", "CARD_UNKNOWN_KIND", NotCharged, NewId,
                "这不是社会保障卡，也不是可用的证件。",
                "This is no social security card and no document that can be used here.",
                "请出示社会保障卡或居民身份证；银行卡等不能用于医保结算。",
                "Show the social security card or the resident id card; bank cards do not serve.";
            CardWantsPin = "E3044", "CARD_WANTS_PIN", NotCharged, NewId,
                "这张卡要先在读卡器键盘上输入密码，而本读卡器没有可用的密码键盘。",
                "This card wants its PIN on the reader's keypad, and this reader has none that can be used.",
                "请换用带密码键盘的读卡器，或改用医保码；密码不能在其他地方输入。",
                "Use a reader with a keypad, or the e-voucher's code; the PIN is entered nowhere else.";
            NobodyShowedCard = "E3045", "NOBODY_SHOWED_CARD", NotCharged, NewId,
                "规定时间内没有人出示卡片。",
                "Nobody showed a card in time.",
                "请确认患者已准备好卡片后重新发起。",
                "Check that the patient has the card ready, then start again.";
            CardOfOtherKind = "E3046", "CARD_OF_OTHER_KIND", NotCharged, NewId,
                "出示的卡片不是本次要求的种类。",
                "The card is of a kind that was not asked for.",
                "请出示要求的卡片或证件后重新发起。",
                "Show the card or document that was asked for, then start again.";
            CardPinWrong = "E3047", "CARD_PIN_WRONG", NotCharged, NewId,
                "在读卡器键盘上输入的社保卡密码不正确。",
                "The PIN that was entered on the reader's keypad is wrong.",
                "请取出卡片，核对密码后重新插卡输入；详情中有剩余次数，次数用完卡片即锁定。",
                "Take the card out, insert it again and enter the right PIN; the detail tells the tries left before it locks.";
            CardPinBlocked = "E3048", "CARD_PIN_BLOCKED", NotCharged, NewId,
                "社保卡的密码已锁定。",
                "The card's PIN is blocked.",
                "请改用医保码；卡片须由持卡人到发卡机构或社保经办机构解锁。",
                "Use the e-voucher's code; the holder has the card unblocked where it was issued.";
            CardPinNotEntered = "E3049", "CARD_PIN_NOT_ENTERED", NotCharged, NewId,
                "没有在读卡器键盘上输完密码，或已按取消。",
                "The PIN was not entered on the reader's keypad in time, or the entry was called off there.",
                "请取出卡片重新插入，按提示在读卡器键盘上输入密码并确认；也可改用医保码。",
                "Take the card out, insert it again and enter the PIN on the keypad, or use the e-voucher's code.";
        } {
            $($after)*
        } }
    };
}
