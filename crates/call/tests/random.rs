//! Random templates and XML documents: mutated texts.

#[path = "random/check.rs"]
mod check;
#[path = "../../../fuzz/seeded.rs"]
mod seeded;

use check::{check_template, check_xml};
use seeded::Dice;

/// Cases in a normal run.
const CASES: u64 = 1500;

const TEMPLATES: &[&str] = &[
    "{{ range $i, $v := . }}{{ if $i }},{{ end }}{{ toJson $v }}{{ end }}",
    "{{- $p := index . \"a\" -}}{{ if eq (kindOf $p) \"map\" }}{{ printf \"%q\" $p }}{{ else }}[]{{ end }}",
    "{{ $s := separator \",\" }}{{ range .a }}{{ call $s }}{{ . }}{{ end }}",
    "{{ jsonMapFromString . }}{{ plus1 (len .) }}{{ toInt \"1\" }}",
];

const BODIES: &[&str] = &[
    "{\"a\": {\"b\": [1, 2.50, null, \"x\"]}}",
    "[1, {\"a\": true}]",
    "<r a='1'><b>2</b><b/></r>",
];

const DOCUMENTS: &[&str] = &[
    "<?xml version=\"1.0\"?><R xmlns=\"u\"><L><member><A>1</A></member><member/></L><N>t</N></R>",
    "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;&#65;&lt;<![CDATA[<x>]]><!-- c --></r>",
    "<a:b c:d=\"&quot;\"><a:e>true</a:e>12<a:e>1e400</a:e></a:b>",
];

/// One of the texts with parts of it removed, repeated or taken from another.
fn changed(dice: &mut Dice, texts: &[&str]) -> String {
    let mut text = (*dice.pick::<&str>(texts)).to_owned();
    let other: &str = dice.pick::<&str>(texts);
    for _ in 0..dice.roll(5) {
        let (from, to) = dice.range(&text);
        let part = match dice.roll(4) {
            0 => String::new(),
            1 => text[from..to].repeat(2),
            _ => {
                let (from, to) = dice.range(other);
                other[from..to].to_owned()
            }
        };
        text.replace_range(from..to, &part);
    }
    text
}

#[test]
fn no_template_breaks_a_law() {
    seeded::run(
        CASES,
        |dice| [changed(dice, TEMPLATES), changed(dice, BODIES)],
        |[template, body]| check_template(template, body.as_bytes()),
    );
}

#[test]
fn no_document_breaks_a_law() {
    seeded::run(
        CASES * 2,
        |dice| [changed(dice, DOCUMENTS)],
        |[document]| check_xml(document.as_bytes()),
    );
}
