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
            RenderMissing = "E3068", "RENDER_MISSING", NotConcerned, SameId,
                "本机没有安装排版程序 yibao-render，不能生成结算单。",
                "The program yibao-render, which typesets settlement sheets, is not installed here.",
                "请信息科安装 yibao-render；在此之前可补打小票代替，结算本身不受影响。",
                "Have yibao-render installed; until then reprint the receipt instead. The settlement stands as it is.";
            RenderFailed = "E3069", "RENDER_FAILED", NotConcerned, SameId,
                "排版程序超时、占用过多内存或中途退出，结算单没有生成。",
                "The program that typesets took too long, wanted too much memory or died: there is no sheet.",
                "请重试一次；仍失败请信息科检查结算单模板，结算本身不受影响。",
                "Try once more; if it fails again have the template of the sheet checked. The settlement stands as it is.";
            TemplateWrong = "E3070", "TEMPLATE_WRONG", NotConcerned, SameId,
                "结算单模板有错误，不能生成结算单。",
                "The template of the settlement sheet is wrong: there is no sheet.",
                "请信息科按 details 给出的文件、行、列改正模板，保存后即可重试，不必重启。",
                "Have the template mended at the file, line and column that the details name, then try again; no restart.";
            FontMissing = "E3071", "FONT_MISSING", NotConcerned, SameId,
                "本机没有中文字体，不能生成结算单。",
                "This machine has no Chinese font: there is no sheet.",
                "请信息科安装 fonts-noto-cjk 或 fonts-wqy-microhei 后重试，不必重启。",
                "Have fonts-noto-cjk or fonts-wqy-microhei installed, then try again; no restart.";
            GlyphMissing = "E3072", "GLYPH_MISSING", NotConcerned, SameId,
                "有的字本机所有字体都没有，为免印成方框，没有生成结算单。",
                "No font of this machine has some of the characters; there is no sheet rather than one with boxes.",
                "请信息科按 details 给出的项目与字符区安装含生僻字的字体后重试；可先用小票代替。",
                "Have a font with the character blocks that the details name installed, then try again; a receipt will do until then.";
            QueueBusy = "E3073", "QUEUE_BUSY", NotConcerned, SameId,
                "打印服务或打印机暂时不能受理任务，例如正忙或内部出错。",
                "The print service or printer cannot take the job for the moment: it is busy, or failed inside.",
                "还在等待时会自动重试，不要重复提交；已告知未打印的，可重新提交；结果不明的，先看打印机出纸再决定。持续出现请信息科查看 CUPS 日志。",
                "While it waits it is tried again by itself; told as not printed, send it again; unknown, look for the paper first. If it persists, have the log of CUPS read.";
            QueueBrokeOff = "E3074", "QUEUE_BROKE_OFF", NotConcerned, SameId,
                "传送文件的途中，打印服务或打印机断开了连接，或没有回答。",
                "The print service or printer broke off while the document was sent, or did not answer.",
                "还在等待时会自动重试，不要重复提交；已告知未打印的，可重新提交；结果不明的，先看打印机出纸再决定。持续出现请信息科检查网络与打印机的文件大小上限。",
                "While it waits it is tried again by itself; told as not printed, send it again; unknown, look for the paper first. If it persists, have network and the printer's limit of size checked.";
            QueueOverLimit = "E3075", "QUEUE_OVER_LIMIT", NotConcerned, NewId,
                "打印服务或打印机拒收：文件超过它的大小上限。",
                "The print service or printer refuses the document: it is larger than what it takes.",
                "请信息科调大上限（CUPS 为 LimitRequestBody）或换打印机，或由 HIS 拆分文件，再以新的请求编号提交。",
                "Have the limit raised (LimitRequestBody of CUPS), or let the HIS split it; then send it under a new id.";
            QueueRefused = "E3076", "QUEUE_REFUSED", NotConcerned, NewId,
                "打印服务或打印机拒收这个任务或文件。",
                "The print service or printer refuses this job or document.",
                "请信息科查看日志中的拒绝代码和 CUPS 日志，处理后由 HIS 以新的请求编号提交。",
                "Have the refusal in the log and the log of CUPS read; once it is mended, send it under a new id.";
            DocumentDiffers = "E3077", "DOCUMENT_DIFFERS", NotConcerned, NewId,
                "这个文件编号已用于另一份内容，本次没有打印。",
                "This document_id was used with another content: nothing of this one is printed.",
                "内容有更正请由 HIS 换新的文件编号提交；同一内容请原样重发，打印情况用 GetJob 按文件编号查询。",
                "Give corrected content a new document_id; send the same bytes again otherwise; GetJob tells of the first.";
            PaperOutdated = "E3078", "PAPER_OUTDATED", NotConcerned, NewId,
                "等待打印期间，这笔结算已退费，或退费情况有变化，这份不再打印。",
                "While this paper waited its settlement was given back, or its refund changed: it is not printed any more.",
                "需要留存请补打，补打件注明退费情况；状态为不明的先看打印机，已出的纸请收回。不要重新结算。",
                "Reprint it if it is wanted: the copy says how the refund stands. Unknown: look at the printer first, take back what came out. Never settle anew.";

            $($after)*
        }
    };
}
