; @pytest.mark.skip, @unittest.skip("..."), and conditions that always hold
((decorator (_) @skip) @finding
  (#match? @skip "^((pytest\\.)?mark\\.skip|unittest\\.(case\\.)?skip|skip)(\\(|$)|^(pytest\\.)?mark\\.skipif\\(\\s*(True|1)\\s*[,)]|^(unittest\\.)?skipIf\\(\\s*True\\s*[,)]|^(unittest\\.)?skipUnless\\(\\s*False\\s*[,)]"))

; pytest.skip(...) or self.skipTest(...) as the first statement of a test
((function_definition
  name: (identifier) @name
  body: (block . (expression_statement (call function: (_) @skip)) @finding))
  (#match? @name "^test")
  (#any-of? @skip "pytest.skip" "self.skipTest" "skip"))
((function_definition
  name: (identifier) @name
  body: (block . (expression_statement (string)) . (expression_statement (call function: (_) @skip)) @finding))
  (#match? @name "^test")
  (#any-of? @skip "pytest.skip" "self.skipTest" "skip"))

; raise unittest.SkipTest as the first statement of a test
((function_definition
  name: (identifier) @name
  body: (block . (raise_statement (_) @skip) @finding))
  (#match? @name "^(test|setUp)")
  (#match? @skip "^(unittest\\.)?SkipTest\\b"))

; a whole file: pytest.skip(allow_module_level=True) outside any condition, pytestmark = pytest.mark.skip
((module (expression_statement (call function: (_) @skip)) @finding)
  (#eq? @skip "pytest.skip"))
((module (expression_statement (assignment left: (identifier) @mark right: (_) @skip)) @finding)
  (#eq? @mark "pytestmark")
  (#match? @skip "^\\[?\\s*pytest\\.mark\\.skip(\\(|\\s*\\]?$)"))
