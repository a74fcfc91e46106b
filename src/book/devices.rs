//! The rows of the table about devices, set between those before and those after them. The form of a row is the
//! table's.

macro_rules! with_devices {
    ({ $($before:tt)* } { $($after:tt)* }) => {
        with_cards! { {
            $($before)*

            CodeLengthDiffers = "E2030", "CODE_LENGTH_DIFFERS", NotCharged, NewId,
                "扫到的码与本机设定的码长不符：可能不是要扫的码，也可能传输中多了或丢了字符。",
                "A code of another length than this scanner is set to was read: another kind of code, or one that lost or won bytes.",
                "请出示要扫的码重新扫一次；每次都如此请检查扫码器配置中的 length。",
                "Show the wanted code and scan again; if it is so each time, check length in the scanner's configuration.";

            // The devices.
            ScannerMissing = "E3001", "SCANNER_MISSING", NotCharged, NewId,
                "没有找到扫码器。",
                "No scanner was found.",
                "请检查扫码器的连线和电源，指示灯亮后重新发起。",
                "Check the scanner's cable and power, then start again.";
            ScannerUnplugged = "E3002", "SCANNER_UNPLUGGED", NotCharged, NewId,
                "等待扫码时扫码器断开了。",
                "The scanner went away while a code was awaited.",
                "请重新插好扫码器，稍候几秒后重新发起。",
                "Plug the scanner in again, wait some seconds and start again.";
            ScannerBusy = "E3003", "SCANNER_BUSY", NotCharged, NewId,
                "扫码器正被另一笔结算或其他程序占用，排队超时。",
                "The scanner is in use by another settlement or program and the wait was too long.",
                "请等前一笔结束后重新发起；yibaoctl device who 可查看占用者。",
                "Wait until the other has ended, then start again; yibaoctl device who names it.";
            ClaimUnknown = "E3004", "CLAIM_UNKNOWN", NotConcerned, NewId,
                "该设备占用已结束，或不属于本调用方。",
                "The claim of the device is over, or is not this caller's.",
                "请重新占用设备后再试；占用须按租期续租。",
                "Claim the device anew; a claim must be renewed before its lease is over.";
            DeviceUnknown = "E3005", "DEVICE_UNKNOWN", NotConcerned, NewId,
                "本机没有配置这个角色或名称的设备。",
                "No device of this desk has that role or name.",
                "请用 yibaoctl device list 查看本机设备，再检查配置文件或调用参数。",
                "See yibaoctl device list, then mend the configuration or the call.";
            DeviceAmbiguous = "E3006", "DEVICE_AMBIGUOUS", NotCharged, NewId,
                "有多台设备符合同一条配置，无法确定是哪一台。",
                "More than one device fits the same rule of the configuration; none was taken.",
                "请拔下多余的设备，或在配置中写明序列号或 USB 端口；yibaoctl device why 列出各台设备。",
                "Unplug the other, or name serial number or port; yibaoctl device why lists what fits.";
            DevicePermission = "E3007", "DEVICE_PERMISSION", NotCharged, NewId,
                "守护进程没有打开该设备的权限。",
                "The daemon is not permitted to open the device.",
                "请联系管理员检查 udev 规则和设备文件的属组；yibaoctl device health 给出详情。",
                "Call the administrator: check the udev rules and the group of the device file.";
            DeviceHeldElsewhere = "E3008", "DEVICE_HELD_ELSEWHERE", NotCharged, NewId,
                "该设备正被本机其他程序占用。",
                "Another program of this machine has the device open.",
                "请关闭占用设备的程序（如旧读卡控件、串口助手）；yibaoctl device health 给出程序名。",
                "Close the program that has it; yibaoctl device health names it where that can be seen.";
            ScannerNotConfigured = "E3009", "SCANNER_NOT_CONFIGURED", NotCharged, NewId,
                "本机没有配置扫码器。",
                "No scanner is configured at this desk.",
                "请信息科在 yibaod.toml 中添加扫码器（role 为 scanner）后重新发起；不必检查连线。",
                "Have a scanner added to yibaod.toml (role scanner), then start again; its cable is not the cause.";
            PrinterMissing = "E3011", "PRINTER_MISSING", NotConcerned, SameId,
                "没有连接上打印机。",
                "The printer cannot be reached.",
                "请检查打印机电源和连线；还在等待的会自动打印，没有打出的可补打；已办成的业务不要重做。",
                "Check power and cable; what waits prints by itself, else reprint; what was done is not done again.";
            PaperOut = "E3012", "PAPER_OUT", NotConcerned, SameId,
                "打印机缺纸。",
                "The printer is out of paper.",
                "请装好纸，等待中的打印会自动继续，没有打出的可补打；已办成的业务不要重做。",
                "Put in paper: what waits prints by itself, else reprint; what was done is not done again.";
            CoverOpen = "E3013", "COVER_OPEN", NotConcerned, SameId,
                "打印机的盖子没有合上。",
                "The printer's cover is open.",
                "请合上打印机盖，等待中的打印会自动继续，没有打出的可补打；已办成的业务不要重做。",
                "Close the cover: what waits prints by itself, else reprint; what was done is not done again.";
            PrinterError = "E3014", "PRINTER_ERROR", NotConcerned, SameId,
                "打印机报告故障，例如卡纸。",
                "The printer reports a fault, such as a paper jam.",
                "请按打印机上的提示排除故障，清除卡纸后关机再开机；没有打出的可补打，已办成的业务不要重做。",
                "Do what the printer shows, clear the jam, switch it off and on; reprint, but do nothing else again.";
            PrintNotProven = "E3015", "PRINT_NOT_PROVEN", NotConcerned, SameId,
                "纸可能已经打出，但打印机没有给出证明。",
                "The paper may have come out; the printer gave no proof.",
                "请先看打印机是否出纸；确实没有，再由 HIS 补打并注明“补打”；不要重新结算。",
                "Look at the printer first; if nothing came out, let the HIS reprint it, marked; never settle anew.";
            PrintGone = "E3016", "PRINT_GONE", NotConcerned, NewId,
                "要打印的内容已按保存期限清除，无法再打印。",
                "What was to be printed is deleted by its time limit and cannot be printed any more.",
                "请由 HIS 以新的请求编号重新提交打印；不要重新结算。",
                "Let the HIS send the document again under a new request_id; do not settle anew.";
            PrintRunning = "E3017", "PRINT_RUNNING", NotConcerned, SameId,
                "原打印任务还没有结束，不能补打。",
                "The first print is not over: it cannot be reprinted yet.",
                "请等原任务结束或先取消；yibaoctl print show 可查看其状态。",
                "Wait until it is over, or cancel it; yibaoctl print show tells how it stands.";
            PrinterBusy = "E3018", "PRINTER_BUSY", NotConcerned, NewId,
                "打印机正忙：前面还有打印任务，等待时间内没有轮到。",
                "The printer is busy: papers before this one took as long as it was to be waited for.",
                "这份没有打印，请稍候以新的请求编号再次提交打印；若结算已成立，不要重新结算，可在 HIS 中补打。",
                "Nothing of it was printed: print it again in a moment, under a new id; if the settlement stands, only reprint.";
            PrinterNotConfigured = "E3019", "PRINTER_NOT_CONFIGURED", NotConcerned, NewId,
                "本机没有配置这种用途的打印机。",
                "No printer for this is configured at this desk.",
                "请信息科在 yibaod.toml 中添加打印机（小票 receipt，报告 report）；已办成的业务不要重做。",
                "Have a printer added to yibaod.toml (role receipt or report); what was done is not done again.";
        } {
            $($after)*
        } }
    };
}
