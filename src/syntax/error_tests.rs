//! Where texts stop being their language, in words and places; and that no text brings the checks down.

use super::*;

#[track_caller]
fn wrong(language: Language, text: &str, place: &str, what: &str) {
    let error = parse(language, text).expect_err(text);
    let said = error.to_string();
    assert!(said.starts_with(&format!("{place}: ")) && said.contains(what), "{text:?} gave {said}");
    assert!(!said.contains('\n') && error.message.chars().count() < 300, "{said}");
}

#[track_caller]
fn right(language: Language, texts: &[&str]) {
    for text in texts {
        if let Err(error) = parse(language, text) {
            panic!("{text:?} gave {error}");
        }
    }
}

#[test]
fn python_errors_have_their_place() {
    let cases = [
        ("x = foo bar\n", "1:9", "unexpected `bar` in `x = foo bar`"),
        ("x = (1,\n 2\ny = 3\n", "3:1", "the `(` of line 1 is not closed"),
        ("def f(:\n  pass\n", "1:7", "`)` is missing"),
        ("foo(", "1:5", "unexpected end of the file"),
        ("if x\n    pass\n", "1:5", "unexpected end of the line in `if x`"),
        ("x = 1 +\ny\n", "1:8", "unexpected end of the line"),
        ("ä = 'é' 1\n", "1:9", "unexpected `1`"),
        ("x = \"abc\n", "1:5", "this string is never closed"),
        ("import {{ module }}\n", "1:8", "unexpected `{`"),
        ("x = 1 y = 2\n", "1:7", "unexpected `y`"),
        ("class = 3\n", "1:7", "unexpected `=`"),
    ];
    for (text, place, what) in cases {
        wrong(Language::Python, text, place, what);
    }
}

#[test]
fn python_is_as_strict_as_its_own_parser() {
    let cases = [
        ("if x:\nfoo()\n", "2:1", "an indented block is missing here"),
        ("for x in y:\n", "1:11", "an indented block is missing after this `:`"),
        ("def f():\n    x = 1\n  y = 2\n", "3:3", "matches no block above"),
        ("x = 1\n  y = 2\n", "2:3", "unexpected indentation"),
        ("if x:\n\ty = 1\n        z = 1\n", "3:9", "tabs and spaces are mixed"),
        ("print \"x\"\n", "1:1", "Python 2's `print`"),
        ("raise E, 'x'\n", "1:7", "Python 2's `raise`"),
        ("try:\n    x\nexcept E, e:\n    y\n", "3:11", "Python 2's `except`"),
        ("x = 0777\n", "1:5", "a leading 0"),
        ("x = 10L\n", "1:5", "Python 2's `L`"),
        ("x = a <> b\n", "1:7", "Python 2's `<>`"),
        ("f(a=1, 2)\n", "1:8", "follows one with a name"),
        ("f(**a, 2)\n", "1:8", "follows one with `**`"),
        ("def f(a=1, b): pass\n", "1:12", "follows one with a default"),
        ("def f(*): pass\n", "1:7", "a name must follow"),
        ("x = '\\x1'\n", "1:6", "needs 2 hexadecimal digits"),
        ("x = b'\u{e4}'\n", "1:7", "bytes can only hold ASCII"),
        ("x = bu'a'\n", "1:5", ""),
        ("try:\n    x\n", "", "`try` without"),
        ("from a import b,\n", "1:16", "a `,` after the last name"),
        ("x = y := 1\n", "1:5", "`:=` needs parentheses"),
        ("a, b += 1\n", "1:1", "only a single name"),
        ("del f()\n", "1:5", "cannot be deleted"),
        ("x = 1\0\n", "1:6", "NUL"),
    ];
    for (text, place, what) in cases {
        let error = parse(Language::Python, text).expect_err(text).to_string();
        assert!(error.starts_with(place) && error.contains(what), "{text:?} gave {error}");
    }
}

#[test]
fn good_python_passes() {
    let texts = [
        "",
        "\n  \n",
        "\u{feff}x = 1\n",
        "x = 1 \\\n  + 2\n",
        "s = 'a' \\\n    'b'\nt = 1\n",
        "def f():\n    \"\"\"Doc\nunindented\n    \"\"\"\n    return 1\n\n  # odd comment\n\nx = 1\n",
        "if x:\n\ty = 1\n\tz = 2\n",
        "x = [\n1,\n  2,\n]\n",
        "async def f():\n    async with a as b, c:\n        await d\n",
        "match x:\n    case [1, *r] if r:\n        pass\n    case _:\n        pass\n",
        "def f(a, /, b=1, *, c, **d): pass\n",
        "f(*a, b=1, *c, **d)\n",
        "type X = int\nclass A[T]: pass\n",
        "x = f'{a!r:>{w}} {b[\"c\"]}'\n",
        "from x import *\n",
        "if a: b; c\nelse: d\n",
        "x: int = 3\n",
        "print(1)\nprint = 3\n",
        "x = 1\r\nif x:\r\n    y = 2\r\n",
        "return 1\n",
        "if True:\n    x = '''\n a'''\n    y = 1\n",
    ];
    right(Language::Python, &texts);
}

#[test]
fn data_formats_are_read_strictly() {
    let json = [
        ("", "1:1", "ends where a value is expected"),
        ("{\"a\": 1", "1:8", "ends within an object"),
        ("{\"a\": 1,}", "1:9", "found `}`"),
        ("{\"a\": 1 \"b\": 2}", "1:9", "expected `,` or `}`"),
        ("// c\n1", "1:1", "expected value"),
        ("{\n  \"ä\": 'x'}", "2:8", "expected value"),
    ];
    json.iter().for_each(|(text, place, what)| wrong(Language::Json, text, place, what));
    right(Language::Json, &["{}", "1", "[1, {\"a\": null}]\n", "\"\\u00e4\""]);
    let toml = [
        ("a = 1\na = 2\n", "2:1", "duplicate key"),
        ("a = \n", "1:5", ""),
        ("[a\n", "1:3", "unclosed table"),
        ("a = 1 b = 2\n", "1:9", "unexpected"),
    ];
    toml.iter().for_each(|(text, place, what)| wrong(Language::Toml, text, place, what));
    right(Language::Toml, &["", "a = 1\n[b]\nc = [1,\n 2]\n", "d = 1979-05-27T07:32:00Z\n"]);
    let yaml = [
        ("a: [1, 2\n", "1:4", "never closed"),
        ("a: 1\n b: 2\n", "2:2", ""),
        ("a: b: c\n", "1:5", "`:` is not allowed here"),
        ("a: *b\n", "1:4", "there is no anchor `&b`"),
        ("a: 1\nb: 2\na: 3\n", "3:1", "the key `a` a second time"),
    ];
    yaml.iter().for_each(|(text, place, what)| wrong(Language::Yaml, text, place, what));
    right(Language::Yaml, &["", "a: 1\n---\na: 2\n", "x: &a [1]\ny: *a\nz: !tag {b: 1}\n", "- a: 1\n- a: 2\n"]);
}

#[test]
fn other_languages_have_their_place() {
    let cases = [
        (Language::Rust, "fn main() { let x = ; }", "1:21", "unexpected `;`"),
        (Language::Rust, "fn main() {\n  foo(1, 2;\n}\n", "2:11", "`)` is missing"),
        (Language::Rust, "fn main() {\n  foo(1)\n", "2:9", "the `{` of line 1 is not closed"),
        (Language::JavaScript, "const x = ;\n", "1:11", "unexpected `;`"),
        (Language::JavaScript, "it('x', () => {\n  foo(1\n});\n", "3:1", "the `(` of line 2 is not closed"),
        (Language::TypeScript, "const x: = 3", "1:10", "unexpected `=`"),
        (Language::Tsx, "const a = <div><p></div>;", "1:", ""),
        (Language::Shell, "if true; then echo", "1:19", "unexpected end of the file"),
        (Language::Shell, "echo $(ls", "1:10", "`)` is missing"),
    ];
    for (language, text, place, what) in cases {
        let error = parse(language, text).expect_err(text).to_string();
        assert!(error.starts_with(place) && error.contains(what), "{text:?} gave {error}");
    }
    right(Language::Rust, &["", "#[test]\nfn x() {}\n", "fn f<'a>(x: &'a str) -> impl Fn() + 'a { move || {} }"]);
    right(Language::JavaScript, &["", "let a = `x${b}`\nexport default async () => {}\n", "const a = <p>x</p>;"]);
    right(Language::TypeScript, &["interface A<T> { a?: T }\nconst x = <A<B>>y satisfies C;\n"]);
    right(Language::Tsx, &["const a = <div>{x as string}</div>;"]);
    right(Language::Shell, &["for x in a b; do echo \"$x\"; done\n", "cat <<EOF\nx $y\nEOF\n"]);
}

#[test]
fn languages_are_known_by_their_files() {
    for language in Language::ALL {
        assert_eq!(serde_json::to_value(language).unwrap(), language.name());
    }
    let cases = [
        ("tests/test_bert.py", Some(Language::Python)),
        ("a/b.TSX", Some(Language::Tsx)),
        ("a\\b.yml", Some(Language::Yaml)),
        ("Cargo.lock", Some(Language::Toml)),
        ("README.md", None),
        ("dir.py/file", None),
        ("", None),
    ];
    cases.iter().for_each(|(path, want)| assert_eq!(Language::of_path(path), *want, "{path}"));
}

#[test]
fn large_and_deep_texts_are_bounded() {
    let error = parse(Language::Json, &" ".repeat(MAX_BYTES + 1)).unwrap_err();
    assert!(error.message.contains("16 MiB"), "{error}");
    for language in Language::ALL {
        for piece in
            ["(", "[", "{", "[{", "{\"a\":", "if x:\n ", "- ", "a:\n", "<a>", "$(", "`${", "f(", "-", "\"", "((a"]
        {
            let _ = parse(language, &piece.repeat(5_000 / piece.len()));
        }
    }
    // Valid and deep: the tree is walked without recursion.
    let deep = format!("x = {}1{}\n", "(".repeat(5_000), ")".repeat(5_000));
    let rules = Rules::new(&BuiltIn::ALL, &["a".to_owned()], &[]).unwrap();
    if let Ok(parsed) = parse(Language::Python, &deep) {
        let _ = rules.find(Language::Python, &parsed, &deep);
    }
}

/// A small generator of numbers; its quality does not matter here.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 40).unwrap()
}

#[test]
fn no_mutated_text_brings_it_down() {
    let seeds = [
        "import x\n\n@a.b(c=1)\nclass A(B):\n    def test_f(self, a, *b, c=1, **d):\n        \"\"\"Doc.\"\"\"\n        x = f'{a!r:>3}' + b'\\x00'\n        assert x == 0o7, 'ä'\n",
        "#[test]\nfn f<'a>(x: &'a str) -> R { let a = r#\"x\"#; assert!(a > 1, \"ä {x}\"); }\n",
        "it('x', async () => { const {a, ...b} = await f(`y${z}`); expect(/a+/g.test(b)).toBe(<p>ä</p>); });\n",
        "a: &x [1, {b: 'ä'}]\nc: |\n  text\n  more\n? d\n: *x\n",
        "{\"a\": [1, 2.5e3, null, true], \"ä\": \"\\u00e4\"}\n",
        "[a.b]\nc = \"\"\"\nä\"\"\"\nd = [1, {e = 2}]\nf = 1979-05-27\n",
        "for x in \"$@\"; do\n  if [[ -n $x ]]; then echo \"${x%.*} ä\" | cat <<EOF\n$(ls)\nEOF\n  fi\ndone\n",
    ];
    let rules = Rules::new(&BuiltIn::ALL, &["x".to_owned()], &[]).unwrap();
    let mut state = 7;
    for round in 0..60 {
        for seed in seeds {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..=round % 4 {
                let at = next(&mut state) % bytes.len();
                match next(&mut state) % 4 {
                    0 => drop(bytes.remove(at)),
                    1 => bytes.insert(at, u8::try_from(next(&mut state) % 256).unwrap()),
                    2 => bytes[at] = b"()[]{}:'\"\\\n\t #$`"[next(&mut state) % 16],
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            for language in Language::ALL {
                match parse(language, &text) {
                    Ok(parsed) => drop(rules.find(language, &parsed, &text)),
                    Err(error) => {
                        let lines = u32::try_from(text.matches('\n').count() + 1).unwrap();
                        assert!(error.line >= 1 && error.column >= 1 && error.line <= lines, "{error} in {text:?}");
                        assert!(!error.message.contains('\n'), "{error}");
                    }
                }
            }
        }
    }
}
