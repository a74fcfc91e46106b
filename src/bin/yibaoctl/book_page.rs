//! The whole error book as a page to keep: Markdown, or HTML that needs nothing else. Chinese first. Pure: the book in,
//! a text out; the package puts it beside the documentation.

use yibaod::api::{ErrorMoney, Repeat};
use yibaod::book::Code;

use crate::draw::words;
use crate::trouble::of_book;

const TITLE: &str = "yibaod 错误编号手册 · Error book";
const ABOUT_ZH: &str = "每个错误都有固定的编号和名称，含义、资金状态、能否重做和处理办法都写在下面。\
    编号只增不改；程序请按编号或名称判断，不要按文字判断。";
const ABOUT_EN: &str = "Every error has a number and a name that stay. Below stand its meaning, the state of the money, \
    whether the call may be repeated, and what to do. Programs decide by number or name, never by the words.";

/// Families of codes, by the first digit of their numbers.
const FAMILIES: [(char, &str, &str); 8] = [
    ('1', "请求", "The request"),
    ('2', "出示的凭证", "What was shown"),
    ('3', "外设与打印", "Devices and printing"),
    ('4', "医保平台", "The platform"),
    ('5', "资金", "The money"),
    ('6', "取消与确认", "Cancelling and confirming"),
    ('7', "本机服务", "The service"),
    (
        '8',
        "人工处理、退费与对账",
        "Resolving, refunds, reconciliation",
    ),
];

/// As HTML, one file.
pub(crate) fn html() -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{TITLE}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{TITLE}</h1>\n\
         <p>{ABOUT_ZH}</p>\n<p lang=\"en\">{ABOUT_EN}</p>\n"
    );
    for (digit, zh, en) in FAMILIES {
        page.push_str(&format!("<h2>{zh} <span lang=\"en\">{en}</span></h2>\n"));
        for code in of_family(digit) {
            let row = code.entry();
            let (money, repeat) = (money(code), repeat(code));
            page.push_str(&format!(
                "<section id=\"{id}\">\n<h3><a href=\"#{id}\">{id}</a> <code>{name}</code></h3>\n\
                 <p>{}<br><span lang=\"en\">{}</span></p>\n<p class=\"do\">{}<br><span lang=\"en\">{}</span></p>\n\
                 <p class=\"facts\">资金：{}（<code>{}</code>）。重做：{}（<code>{}</code>）。<br>\
                 <span lang=\"en\">Money: {}. Repeat: {}.</span></p>\n\
                 <p class=\"facts\">对患者说（<code>patient_zh</code>）：{}</p>\n</section>\n",
                escaped(row.meaning_zh),
                escaped(row.meaning_en),
                escaped(row.action_zh),
                escaped(row.action_en),
                money.0,
                row.money.word(),
                repeat.0,
                row.repeat.word(),
                money.1,
                repeat.1,
                escaped(&of_book(code).patient_zh),
                id = code.id(),
                name = code.name(),
            ));
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

const STYLE: &str = "body{max-width:48rem;margin:2rem auto;padding:0 1rem;font:16px/1.6 sans-serif;color:#222}\n\
    h2{border-bottom:1px solid #bbb;margin-top:2.5rem}h3{margin-bottom:0}h3 a{color:inherit}\n\
    [lang=en]{color:#555}.do{border-left:3px solid #2a6;padding-left:.8rem}.facts{font-size:90%}\n\
    @media(prefers-color-scheme:dark){body{background:#111;color:#ddd}[lang=en]{color:#aaa}}\n";

/// As Markdown.
pub(crate) fn markdown() -> String {
    let mut page = format!("# {TITLE}\n\n{ABOUT_ZH}\n\n{ABOUT_EN}\n");
    for (digit, zh, en) in FAMILIES {
        page.push_str(&format!("\n## {zh} · {en}\n"));
        for code in of_family(digit) {
            let row = code.entry();
            let (money, repeat) = (money(code), repeat(code));
            page.push_str(&format!(
                "\n### {} `{}`\n\n{}\n{}\n\n- **处理：**{}\n  {}\n- **资金：**{}（`{}`）· {}\n\
                 - **重做：**{}（`{}`）· {}\n- **对患者说（`patient_zh`）：**{}\n",
                code.id(),
                code.name(),
                row.meaning_zh,
                row.meaning_en,
                row.action_zh,
                row.action_en,
                money.0,
                row.money.word(),
                money.1,
                repeat.0,
                row.repeat.word(),
                repeat.1,
                of_book(code).patient_zh,
            ));
        }
    }
    page
}

fn of_family(digit: char) -> impl Iterator<Item = Code> {
    let is_one = move |code: &Code| code.id().chars().nth(1) == Some(digit);
    Code::ALL.iter().copied().filter(is_one)
}

fn money(code: Code) -> (&'static str, &'static str) {
    let money: ErrorMoney = of_book(code).money();
    words::error_money(money).unwrap_or(("与资金无关", "it has no part in it"))
}

fn repeat(code: Code) -> (&'static str, &'static str) {
    let repeat: Repeat = of_book(code).repeat();
    words::repeat(repeat)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_on_both_pages_with_all_that_it_says() {
        let (html, markdown) = (html(), markdown());
        for code in Code::ALL {
            let row = code.entry();
            let anchor = format!("id=\"{}\"", code.id());
            assert_eq!(html.matches(&anchor).count(), 1, "{code:?}");
            let head = format!("### {} `{}`", code.id(), code.name());
            assert_eq!(markdown.matches(&head).count(), 1, "{code:?}");
            for words in [row.meaning_zh, row.meaning_en, row.action_zh, row.action_en] {
                assert!(markdown.contains(words), "{code:?}: {words}");
                assert!(html.contains(&escaped(words)), "{code:?}: {words}");
            }
            let (money, repeat) = (money(*code), repeat(*code));
            for words in [money.0, money.1, repeat.0, repeat.1] {
                assert!(!words.is_empty(), "{code:?}");
            }
        }
    }

    #[test]
    fn the_html_page_needs_nothing_else() {
        let page = html();
        for outside in ["http:", "https:", "src=", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("<section").count(), Code::ALL.len());
        assert_eq!(page.matches("</section>").count(), Code::ALL.len());
    }
}
