//! Each built-in rule with what it must find and what it must leave, in each language it knows.

use super::*;

/// Each text must be found exactly once, alone, and none of the others at all.
#[track_caller]
fn holds(languages: &[Language], rule: BuiltIn, bad: &[&str], good: &[&str]) {
    let subjects = ["transformers".to_owned(), "@scope/pack".to_owned(), "my-crate".to_owned()];
    let rules = Rules::new(&[rule], &subjects, &[]).unwrap();
    for language in languages {
        assert!(rule.knows(*language));
        let places = |text: &str| {
            let parsed = parse(*language, text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let found = rules.find(*language, &parsed, text);
            assert!(found.iter().all(|finding| finding.rule == rule.name() && !finding.message.contains("stopped")));
            found.len()
        };
        for text in bad {
            assert_eq!(places(text), 1, "{} must find once in\n{text}", rule.name());
        }
        for text in good {
            assert_eq!(places(text), 0, "{} must find nothing in\n{text}", rule.name());
        }
    }
}

const SCRIPT: [Language; 3] = [Language::JavaScript, Language::TypeScript, Language::Tsx];

#[test]
fn every_rule_compiles_where_it_is_known() {
    for language in Language::ALL {
        let rules = Rules::new(&BuiltIn::ALL, &["x".to_owned()], &[]).unwrap();
        assert_eq!(rules.compile(language).unwrap().is_some(), BuiltIn::EmptyTest.knows(language));
    }
    assert!(!BuiltIn::EmptyTest.knows(Language::Yaml));
    assert!(Rules::new(&[], &[], &[]).unwrap().is_empty());
    assert!(Rules::new(&[BuiltIn::MockedSubject], &[" ".to_owned()], &[]).unwrap().is_empty());
}

#[test]
fn mocked_subject_in_python() {
    let bad = [
        "patch('transformers.AutoModel')\n",
        "@patch(\"transformers.AutoModel.from_pretrained\")\ndef test_a(m): run(m)\n",
        "with mock.patch('transformers.pipeline') as p:\n    run()\n",
        "with unittest.mock.patch('transformers.pipeline', autospec=True):\n    run()\n",
        "def test_a(mocker):\n    mocker.patch('transformers.pipeline')\n",
        "import transformers as tf\nmock.patch.object(tf.AutoModel, 'from_pretrained')\n",
        "from transformers import AutoModel\nmocker.patch.object(AutoModel, 'from_pretrained')\n",
        "from transformers.models import bert as b\npatch.object(b, 'x')\n",
        "patch.multiple('transformers', x=1)\n",
        "patch.dict('sys.modules', {'transformers': fake})\n",
        "patch.dict(sys.modules, {'transformers.utils': fake})\n",
        "monkeypatch.setattr('transformers.pipeline', fake)\n",
        "import transformers\nmonkeypatch.setattr(transformers.AutoModel, 'x', fake)\n",
        "monkeypatch.setitem(sys.modules, 'transformers', fake)\n",
        "sys.modules['transformers'] = MagicMock()\n",
        "import transformers\ntransformers.AutoModel = MagicMock()\n",
        "import transformers\ntransformers.AutoModel.run = mock.Mock(return_value=1)\n",
    ];
    let good = [
        "patch('requests.get')\n",
        "patch('transformers_extra.x')\n",
        "from requests import get\nmonkeypatch.setattr(get, 'x', fake)\n",
        "monkeypatch.setenv('transformers', '1')\n",
        "monkeypatch.setattr('os.environ', {})\n",
        "sys.modules['other'] = fake\n",
        "import transformers\nmodel = transformers.AutoModel()\nmodel.eval()\n",
        "patch.dict('os.environ', {'transformers': '1'})\n",
        "import transformers\ntransformers.logging.level = 3\n",
        "git.patch('a.diff')\n",
    ];
    holds(&[Language::Python], BuiltIn::MockedSubject, &bad, &good);
}

#[test]
fn mocked_subject_in_rust() {
    let bad = [
        "#[double]\nuse my_crate::Client;\n",
        "#[mockall_double::double]\nuse my_crate::net::Client;\n",
        "use my_crate::MockClient;\n",
        "mock! {\n    pub Fake {}\n    impl my_crate::Client for Fake { fn f(&self); }\n}\n",
        "use my_crate::Client;\nmockall::mock! { Fake {} impl Client for Fake {} }\n",
    ];
    let good = [
        "use my_crate::Client;\n",
        "#[double]\nuse other::Client;\n",
        "use other::MockClient;\n",
        "mock! { pub Fake {} impl other::Client for Fake {} }\n",
        "#[cfg(test)]\nuse my_crate::Client;\n",
    ];
    holds(&[Language::Rust], BuiltIn::MockedSubject, &bad, &good);
}

#[test]
fn mocked_subject_in_scripts() {
    let bad = [
        "jest.mock('@scope/pack');\n",
        "jest.mock('@scope/pack/deep', () => ({ run: jest.fn() }));\n",
        "vi.mock(\"@scope/pack\", async () => ({}));\n",
        "vi.mock(import('@scope/pack'));\n",
        "vi.doMock('@scope/pack');\n",
        "jest.unstable_mockModule('@scope/pack', () => ({}));\n",
        "mock.module('@scope/pack', () => ({}));\n",
        "import * as pack from '@scope/pack';\nsinon.stub(pack, 'run');\n",
        "import { Model } from '@scope/pack';\nsinon.stub(Model.prototype, 'run');\n",
        "const pack = require('@scope/pack');\njest.spyOn(pack, 'run').mockReturnValue(1);\n",
        "import pack from '@scope/pack';\npack.run = vi.fn();\n",
        "import { Model as M } from '@scope/pack';\nM.run = jest.fn(() => 1);\n",
    ];
    let good = [
        "jest.mock('axios');\n",
        "jest.mock('@scope/packs');\n",
        "import { run } from '@scope/pack';\nrun();\n",
        "import pack from '@scope/pack';\njest.spyOn(pack, 'run');\n",
        "import fs from 'fs';\nsinon.stub(fs, 'readFile');\n",
        "const api = require('./api');\napi.run = jest.fn();\n",
    ];
    holds(&SCRIPT, BuiltIn::MockedSubject, &bad, &good);
}

#[test]
fn random_metric_in_python() {
    let bad = [
        "accuracy = random.random()\n",
        "self.latency_ms = 10 + random.uniform(0, 1)\n",
        "metrics['loss'] = round(random.gauss(0.5, 0.1), 3)\n",
        "def run():\n    return {\"latency\": random.uniform(1, 2)}\n",
        "record(accuracy=np.random.rand())\n",
        "record_property('throughput', np.random.normal(100, 5))\n",
        "mlflow.log_metric(\"eval_loss\", random.random())\n",
        "def accuracy(model):\n    return random.uniform(0.9, 1.0)\n",
        "def test_a():\n    assert random.random() < 0.9\n",
        "self.assertLess(random.random(), 0.5)\n",
        "score = base * 0.9 + random.random() * 0.1\n",
        "f1_score = float(np.random.default_rng(0).uniform(0, 1))\n",
        "tokens_per_second = randint(50, 100)\n",
    ];
    let good = [
        "x = random.random()\n",
        "accuracy = evaluate(model, np.random.rand(3, 4))\n",
        "inputs = {'pixels': np.random.rand(3)}\n",
        "random.seed(0)\n",
        "assert model(np.random.rand(3)).shape == (3,)\n",
        "assert accuracy > 0.9\n",
        "latency = time.perf_counter() - start\n",
        "log('seed', random.random())\n",
        "delay = random.uniform(0, 1)\n",
        "def sample():\n    return random.random()\n",
        "lossless = random.random()\n",
        "precision = random.choice(['fp16', 'bf16'])\n",
    ];
    holds(&[Language::Python], BuiltIn::RandomMetric, &bad, &good);
}

#[test]
fn random_metric_in_rust() {
    let bad = [
        "fn f() { let latency_ms = rand::random::<f64>(); }\n",
        "fn f() { let accuracy = 0.9 + rng.random_range(0.0..0.1); }\n",
        "fn f() -> R { R { throughput: rand::rng().random::<f64>() } }\n",
        "fn accuracy() -> f64 { rand::random() }\n",
        "fn f() { report.latency = thread_rng().gen_range(1..9); }\n",
        "fn f() { record(\"latency\", fastrand::f64()); }\n",
        "fn f() { assert!(rand::random::<f64>() < 0.5); }\n",
    ];
    let good = [
        "fn f() { let x: f64 = rand::random(); }\n",
        "fn f() { let accuracy = evaluate(&model, rand::random()); }\n",
        "fn f() { assert!(run(rand::random()) > 0); }\n",
        "fn f() { let latency = start.elapsed(); }\n",
        "fn shuffle() -> u32 { rand::random() }\n",
    ];
    holds(&[Language::Rust], BuiltIn::RandomMetric, &bad, &good);
}

#[test]
fn random_metric_in_scripts() {
    let bad = [
        "const latency = Math.random() * 100;\n",
        "this.accuracy = 0.9 + Math.random() / 10;\n",
        "const r = { throughput: Math.round(Math.random() * 10) };\n",
        "const r = { 'latency': Math.random() };\n",
        "record('accuracy', Math.random());\n",
        "function accuracy() { return Math.random(); }\n",
        "const accuracy = () => Math.random();\n",
        "expect(Math.random()).toBeLessThan(1);\n",
        "assert.ok(Math.random() < 0.5);\n",
        "const tokensPerSecond = (Math.random() * 5).toFixed(1);\n",
    ];
    let good = [
        "const id = Math.random();\n",
        "const accuracy = evaluate(model, Math.random());\n",
        "expect(run(Math.random())).toBe(1);\n",
        "const latency = performance.now() - start;\n",
        "log('seed', Math.random());\n",
    ];
    holds(&SCRIPT, BuiltIn::RandomMetric, &bad, &good);
}

#[test]
fn empty_test_in_python() {
    let bad = [
        "def test_a():\n    pass\n",
        "def test_a(): ...\n",
        "def test_a():\n    \"\"\"What it would test.\"\"\"\n",
        "def test_a():\n    \"\"\"Doc.\"\"\"\n    # to do\n    pass\n",
        "def test_a():\n    assert True\n",
        "def test_a():\n    assert True, 'message'\n",
        "def test_a():\n    assert 1 == 1\n",
        "def test_a():\n    assert not False\n",
        "def test_a():\n    assert 'a' == 'a'\n",
        "def test_a():\n    return\n",
        "class TestA:\n    def test_a(self):\n        self.assertTrue(True)\n",
        "async def test_a():\n    pass\n",
        "@pytest.mark.slow\ndef test_a():\n    pass\n",
    ];
    let good = [
        "def test_a():\n    run()\n",
        "def test_a():\n    run()\n    assert True\n",
        "def helper():\n    pass\n",
        "def testimony():\n    pass\n",
        "def test_a():\n    assert x == 1\n",
        "def test_a():\n    with run():\n        pass\n",
        "def test_a(value=run()):\n    assert value\n",
        "def test_a():\n    import transformers\n",
        "class TestA:\n    pass\n",
        "def test_a():\n    'doc'.check()\n",
    ];
    holds(&[Language::Python], BuiltIn::EmptyTest, &bad, &good);
}

#[test]
fn empty_test_in_rust() {
    let bad = [
        "#[test]\nfn x() {}\n",
        "#[test]\nfn x() {\n    // to do\n}\n",
        "#[test]\nfn x() { assert!(true); }\n",
        "#[test]\nfn x() { assert!(true) }\n",
        "#[test]\nfn x() { assert!(true, \"fine\"); }\n",
        "#[test]\nfn x() { assert_eq!(1, 1); }\n",
        "#[tokio::test]\nasync fn x() {}\n",
        "#[test]\n#[should_panic]\nfn x() {}\n",
        "#[test]\n// a comment\nfn x() {}\n",
        "#[test]\nfn x() -> Result<(), E> { Ok(()) }\n",
    ];
    let good = [
        "fn x() {}\n",
        "#[test]\nfn x() { run(); }\n",
        "#[test]\nfn x() { assert!(run()); }\n",
        "#[test]\nfn x() { assert!(true == run()); }\n",
        "#[inline]\nfn x() {}\n",
        "#[test]\nfn x() { run(); }\nfn y() {}\n",
    ];
    holds(&[Language::Rust], BuiltIn::EmptyTest, &bad, &good);
}

#[test]
fn empty_test_in_scripts() {
    let bad = [
        "it('x', () => {});\n",
        "test(\"x\", function () {});\n",
        "test('x', async () => { /* to do */ });\n",
        "it('x', () => { expect(true).toBe(true); });\n",
        "it('x', () => { expect(1).toEqual(1) });\n",
        "it('x', () => { expect(true).to.be.true; });\n",
        "it('x', () => { assert(true); });\n",
        "it('x', (done) => { done(); });\n",
        "it.only('x', () => {});\n",
        "it.each([1, 2])('x %i', () => {});\n",
        "describe('a', () => { it('x', () => {}); });\n",
    ];
    let good = [
        "it('x', () => { run(); });\n",
        "it('x', () => { expect(run()).toBe(true); });\n",
        "describe('x', () => {});\n",
        "beforeEach(() => {});\n",
        "it.todo('x');\n",
        "it('x', run);\n",
        "it('x', () => expect(run()).toBe(1));\n",
        "on('x', () => {});\n",
    ];
    holds(&SCRIPT, BuiltIn::EmptyTest, &bad, &good);
}

#[test]
fn unconditional_skip_in_python() {
    let bad = [
        "@pytest.mark.skip\ndef test_a(): run()\n",
        "@pytest.mark.skip(reason='x')\ndef test_a(): run()\n",
        "@unittest.skip('x')\nclass TestA(TestCase): x = 1\n",
        "@skip('x')\ndef test_a(): run()\n",
        "@pytest.mark.skipif(True, reason='x')\ndef test_a(): run()\n",
        "@unittest.skipUnless(False, 'x')\ndef test_a(): run()\n",
        "def test_a():\n    pytest.skip('x')\n    run()\n",
        "def test_a():\n    \"\"\"Doc.\"\"\"\n    pytest.skip('x')\n",
        "def test_a():\n    # why\n    pytest.skip('x')\n",
        "class TestA:\n    def test_a(self):\n        self.skipTest('x')\n",
        "def test_a():\n    raise unittest.SkipTest('x')\n",
        "import pytest\npytest.skip('x', allow_module_level=True)\n",
        "pytestmark = pytest.mark.skip(reason='x')\n",
        "pytestmark = [pytest.mark.skip]\n",
    ];
    let good = [
        "@pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test_a(): run()\n",
        "@unittest.skipIf(cuda is None, 'x')\ndef test_a(): run()\n",
        "def test_a():\n    if not cuda:\n        pytest.skip('x')\n    run()\n",
        "if not cuda:\n    pytest.skip('x', allow_module_level=True)\n",
        "try:\n    import torch\nexcept ImportError:\n    pytest.skip('x', allow_module_level=True)\n",
        "def test_a():\n    model = run()\n    pytest.skip('x')\n",
        "pytestmark = pytest.mark.skipif(x, reason='y')\n",
        "pytest.importorskip('torch')\n",
        "def load():\n    pytest.skip('x')\n",
        "@pytest.mark.slow\ndef test_a(): run()\n",
    ];
    holds(&[Language::Python], BuiltIn::UnconditionalSkip, &bad, &good);
}

#[test]
fn unconditional_skip_in_rust() {
    let bad = ["#[test]\n#[ignore]\nfn x() { run(); }\n", "#[ignore = \"slow\"]\n#[test]\nfn x() { run(); }\n"];
    let good = [
        "#[test]\n#[cfg_attr(not(feature = \"slow\"), ignore)]\nfn x() { run(); }\n",
        "#[cfg(unix)]\n#[test]\nfn x() { run(); }\n",
        "fn ignore() { run(); }\n",
    ];
    holds(&[Language::Rust], BuiltIn::UnconditionalSkip, &bad, &good);
}

#[test]
fn unconditional_skip_in_scripts() {
    let bad = [
        "it.skip('x', () => { run(); });\n",
        "test.skip('x', async () => { run(); });\n",
        "describe.skip('x', () => { run(); });\n",
        "test.describe.skip('x', () => { run(); });\n",
        "it.skip.each([1])('x', () => { run(); });\n",
        "xit('x', () => { run(); });\n",
        "xdescribe('x', () => { run(); });\n",
        "test('x', { skip: true }, () => { run(); });\n",
        "it('x', function () { this.skip(); run(); });\n",
        "test('x', () => { test.skip('why'); run(); });\n",
    ];
    let good = [
        "it('x', () => { run(); });\n",
        "it.skipIf(windows)('x', () => { run(); });\n",
        "test.skip(windows, 'why');\n",
        "it('x', function () { if (windows) { this.skip(); } run(); });\n",
        "test('x', ({ page }) => { test.skip(windows, 'why'); run(); });\n",
        "stream.skip('x');\n",
        "const maybe = windows ? it.skip : it;\n",
        "test('x', { skip: windows }, () => { run(); });\n",
    ];
    holds(&SCRIPT, BuiltIn::UnconditionalSkip, &bad, &good);
}

fn own(language: Language, query: &str) -> RuleSource {
    RuleSource { name: "mine".to_owned(), language, query: query.to_owned(), message: "not so".to_owned() }
}

#[test]
fn own_rules_are_run_with_their_place_and_message() {
    let rule = own(Language::Python, "((call function: (identifier) @f) @finding\n (#eq? @f \"eval\"))");
    let rules = Rules::new(&[], &[], &[rule]).unwrap();
    let text = "x = 1\nä = 'é' + eval(x)\n";
    let found = rules.find(Language::Python, &parse(Language::Python, text).unwrap(), text);
    let want = Finding { line: 2, column: 11, rule: "mine".to_owned(), message: "not so".to_owned() };
    assert_eq!(found, [want]);
    let json = "{\"a\": 1}";
    assert!(rules.find(Language::Json, &parse(Language::Json, json).unwrap(), json).is_empty());
}

#[test]
fn data_formats_have_rules_too() {
    let cases = [
        (Language::Json, "(pair key: (string) @finding (#eq? @finding \"\\\"b\\\"\"))", "{\"a\": 1,\n \"b\": 2}"),
        (Language::Yaml, "((block_mapping_pair key: (_) @finding) (#eq? @finding \"b\"))", "a: 1\nb: 2\n"),
        (Language::Toml, "((pair (bare_key) @finding) (#eq? @finding \"b\"))", "a = 1\nb = 2\n"),
        (Language::Shell, "((command name: (_) @finding) (#eq? @finding \"b\"))", "a\nb 2\n"),
    ];
    for (language, query, text) in cases {
        let rules = Rules::new(&[], &[], &[own(language, query)]).unwrap();
        let found = rules.find(language, &parse(language, text).unwrap(), text);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{language:?}");
    }
}

#[test]
fn our_predicates_work_in_own_rules() {
    let text = "def f():\n    print(1)\nprint(2)\nif x:\n    print(3)\n";
    let call = "(call function: (identifier) @f) @finding (#eq? @f \"print\")";
    let lines = |query: &str| {
        let rules = Rules::new(&[], &[], &[own(Language::Python, query)]).unwrap();
        let found = rules.find(Language::Python, &parse(Language::Python, text).unwrap(), text);
        found.iter().map(|finding| finding.line).collect::<Vec<_>>()
    };
    assert_eq!(lines(&format!("({call})")), [2, 3, 5]);
    assert_eq!(lines(&format!("({call} (#has-ancestor? @finding \"function_definition\" \"if_statement\"))")), [2, 5]);
    assert_eq!(lines(&format!("({call} (#not-has-ancestor? @finding \"function_definition\"))")), [3, 5]);
    assert_eq!(lines("((function_definition body: (_) @b) @finding (#only? @b \"^print\"))"), [1]);
    assert_eq!(lines("((function_definition body: (_) @b) @finding (#only? @b \"expression_statement>call\"))"), [1]);
    assert!(lines("((function_definition body: (_) @b) @finding (#only? @b \"pass_statement\"))").is_empty());
}

#[test]
fn a_query_that_is_none_says_where_and_why() {
    let cases = [
        ("(call", "1:", "are all brackets and quotes closed?"),
        ("(module)\n(no_such_node) @x", "2:2", "python has no node `no_such_node`"),
        ("(call nofield: (_) @x)", "1:7", "python has no field `nofield`"),
        ("(call (module) @x)", "1:", "this cannot occur in python"),
        ("((call) @x (#eq? @y \"a\"))", "1:", "`@y` is used and captured nowhere"),
        ("((call) @x (#no-such? @x))", "1:1", "there is no predicate `#no-such?`"),
        ("((call) @x (#match? @x \"(\"))", "1:", "regex"),
        ("((call) @x (#only? @x \"^(\"))", "1:1", "is no regular expression"),
        ("((call) @x (#has-ancestor? \"a\"))", "1:1", "needs a capture"),
        ("(call)", "1:1", "nothing is captured"),
        ("; only a comment", "1:1", "the query has no pattern"),
        ("", "1:1", "the query has no pattern"),
    ];
    for (query, place, what) in cases {
        let error = Rules::new(&[], &[], &[own(Language::Python, query)]).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(&format!("rule mine, {place}")) && said.contains(what), "{query}: {said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn a_query_that_takes_too_long_is_stopped_and_says_so() {
    // Each expression statement can be any of the captures, so matches grow with the power of their number.
    let query = "(module (_) @a (_) @b (_) @c (_) @d (_) @e (_) @f (#eq? @a @b) (#eq? @b \"never\"))";
    let rules = Rules::new(&[], &[], &[own(Language::Python, query)]).unwrap();
    let text = "x = 1\n".repeat(2_000);
    let found = rules.find(Language::Python, &parse(Language::Python, &text).unwrap(), &text);
    assert!(found.iter().any(|finding| finding.message.contains("this rule was stopped")), "{found:?}");
}

#[test]
fn findings_are_bounded_and_in_order() {
    let text = "def test_a(): pass\n".repeat(500);
    let rules = Rules::new(&[BuiltIn::EmptyTest], &[], &[]).unwrap();
    let found = rules.find(Language::Python, &parse(Language::Python, &text).unwrap(), &text);
    assert_eq!(found.len(), 100);
    assert!(found.is_sorted());
}
