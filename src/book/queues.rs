//! The rows of the table about print queues and documents, set between the cards and the platform. The form of a
//! row is the table's.

macro_rules! with_queues {
    ({ $($before:tt)* } { $($after:tt)* }) => {
        with_reconciling! {
            $($before)*

            // Print queues and the documents for them.
            PrintServiceMissing = "E3051", "PRINT_SERVICE_MISSING", NotConcerned, SameId,
                "打印服务 CUPS 没有运行，或报告打印机连接不上。",
                "The print service CUPS does not run, or the report printer cannot be reached.",
                "请信息科启动 CUPS 或检查打印机网络；恢复后任务自动继续，不要重复提交。",
                "Have CUPS started or the network checked; the job goes on by itself, do not send it again.";
            QueueUnknown = "E3052", "QUEUE_UNKNOWN", NotConcerned, NewId,
                "打印服务里没有配置文件所写的打印队列。",
                "The print service has no queue of the configured name.",
                "请信息科用 lpstat -v 核对队列名称，并改正配置中的 queue。",
                "Have the IT department compare lpstat -v with the key queue of the configuration.";
            QueueStopped = "E3053", "QUEUE_STOPPED", NotConcerned, SameId,
                "打印队列已被停用或暂停。",
                "The print queue is stopped or paused.",
                "请信息科用 cupsenable 启用该队列；启用后任务自动继续，不要重复提交。",
                "Have the queue enabled (cupsenable); the job goes on by itself, do not send it again.";
            QueueNotAccepting = "E3054", "QUEUE_NOT_ACCEPTING", NotConcerned, SameId,
                "打印队列当前拒绝接受新任务。",
                "The print queue does not accept new jobs.",
                "请信息科用 cupsaccept 让队列恢复接受任务；恢复后任务自动继续。",
                "Have the queue accept jobs again (cupsaccept); the job goes on by itself.";
            QueueForbidden = "E3055", "QUEUE_FORBIDDEN", NotConcerned, NewId,
                "打印服务不允许本程序使用该队列。",
                "The print service does not let the daemon use this queue.",
                "请信息科检查 cupsd.conf 的访问策略，允许用户 yibaod 打印、查询和取消自己的任务。",
                "Have the policy in cupsd.conf let the user yibaod print, and see and cancel its own jobs.";
            QueueUnsuitable = "E3056", "QUEUE_UNSUITABLE", NotConcerned, NewId,
                "该打印机或队列不接受 PDF，或不支持可靠跟踪任务所需的操作。",
                "The printer or queue takes no PDF, or lacks the operations that a job is followed by.",
                "请信息科为打印机安装驱动或启用 PDF 支持，或改用 CUPS 队列。",
                "Have a driver installed that takes PDF, or use a CUPS queue before this printer.";
            QueueHeld = "E3057", "QUEUE_HELD", NotConcerned, SameId,
                "任务在打印队列中被人为挂起。",
                "Somebody holds the job in the print queue.",
                "请信息科在打印队列中放行该任务，或取消后重新提交。",
                "Have the job released in the print queue, or cancel it and send it anew.";
            QueueCancelled = "E3058", "QUEUE_CANCELLED", NotConcerned, SameId,
                "任务在打印队列中被取消。",
                "The job was cancelled in the print queue.",
                "若状态为未打印可重新提交；若为不明请先看打印机出纸再决定是否补打。",
                "Not printed: send it anew. Unknown: look at the paper first, then decide on a reprint.";
            QueueAborted = "E3059", "QUEUE_ABORTED", NotConcerned, SameId,
                "打印服务放弃了这个任务，可能是文件无法处理或打印机故障。",
                "The print service gave the job up: the file cannot be processed, or the printer failed.",
                "请先看打印机出纸；未出纸时请信息科查看 CUPS 日志，修复后重新提交。",
                "Look at the paper first; if there is none, have the log of CUPS read, then send it anew.";
            QueueLost = "E3060", "QUEUE_LOST", NotConcerned, SameId,
                "打印服务已没有这个任务的记录，不清楚是否打出。",
                "The print service has no record of the job any more: what became of it is not known.",
                "请先看打印机出纸再决定是否补打；请信息科打开 CUPS 的 PreserveJobHistory。",
                "Look at the paper first, then decide on a reprint; have PreserveJobHistory of CUPS switched on.";
            QueueBegunAgain = "E3061", "QUEUE_BEGUN_AGAIN", NotConcerned, SameId,
                "打印中断后打印服务要从头再打，为防止重复出纸已予取消。",
                "The print service was about to print anew what had begun; that was stopped to avoid a second paper.",
                "请先看打印机已出的纸，再决定是否补打。",
                "Look at the paper that came out first, then decide on a reprint.";
            PrinterOtherKind = "E3062", "PRINTER_OTHER_KIND", NotConcerned, NewId,
                "这种内容不能送到该角色的打印机。",
                "The printer of this role does not take this kind of content.",
                "PDF 请送报告打印机（角色 report），小票文档请送小票打印机（角色 receipt）。",
                "Send PDF to a report printer (role report), documents and raw bytes to a receipt printer.";
            DocumentNotPdf = "E3063", "DOCUMENT_NOT_PDF", NotConcerned, NewId,
                "提交的文件不是完整的 PDF。",
                "The document is no whole PDF.",
                "请由 HIS 检查报告文件是否为 PDF、是否传完整，再重新提交。",
                "Let the HIS check that the file is a PDF and was sent whole, then send it again.";
            DocumentTooLarge = "E3064", "DOCUMENT_TOO_LARGE", NotConcerned, NewId,
                "提交的文件超过大小上限。",
                "The document is larger than what is taken.",
                "请由 HIS 压缩或拆分文件后重新提交，单个文件不超过 32 MiB。",
                "Let the HIS shrink or split the document: at most 32 MiB each.";
            DocumentUnknown = "E3065", "DOCUMENT_UNKNOWN", NotConcerned, NewId,
                "没有这个上传文件，可能已过期、未传完或守护进程重启过。",
                "No document was put under this id: it expired, is not whole, or the daemon restarted.",
                "请由 HIS 从头重新上传文件，再提交打印。",
                "Let the HIS put the document again from its beginning, then print it.";
            DocumentOffset = "E3066", "DOCUMENT_OFFSET", NotConcerned, NewId,
                "上传的分块与已收到的内容不衔接。",
                "The piece does not continue what was received.",
                "请由 HIS 按 details 给出的位置继续上传，或换一个上传编号从头上传。",
                "Continue at the place that the details name, or begin anew under another upload_id.";
            DocumentsTooMany = "E3067", "DOCUMENTS_TOO_MANY", NotConcerned, SameId,
                "同时上传或保存的文件过多。",
                "Too many documents are being put or kept.",
                "请稍候再上传；持续出现请信息科检查磁盘与 HIS 是否有未完成的上传。",
                "Wait and put it again; if it persists, look for uploads that the HIS never ends.";

            $($after)*
        }
    };
}
