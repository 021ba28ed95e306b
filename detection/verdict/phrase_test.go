package verdict

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPhrases says every sentence and finds it again, in both languages.
func TestPhrases(t *testing.T) {
	ids := map[string]bool{}
	for p := range Phrase(phrases) {
		row := phraseTable[p]
		if row.id == "" || row.en == "" || row.zh == "" || ids[row.id] {
			t.Errorf("sentence %d: %+v", p, row)
		}
		ids[row.id] = true
		var args []any
		var want []string
		for i, v := range verb.FindAllString(row.en, -1) {
			switch {
			case v == "%%":
			case v == "%d":
				args, want = append(args, i+3), append(want, strconv.Itoa(i+3))
			case v != "%s":
				args, want = append(args, float64(i+3)), append(want, fmt.Sprintf(v, float64(i+3)))
			case strings.HasPrefix(row.en, "%s: ") && i == 0:
				args, want = append(args, `query parameter "a: \"b"`), append(want, `query parameter "a: \"b"`)
			default:
				args, want = append(args, "serialised object, SQL"), append(want, "serialised object, SQL")
			}
		}
		said := ReadEvidence("rules", p.say(args...))
		if said.Phrase != row.id || len(said.Params) != len(want) || strings.Contains(said.DetailZh, "%!") || said.NameZh != "规则" {
			t.Errorf("%q is read as %+v", p.say(args...), said)
		}
		for i, text := range want {
			if i < len(said.Params) && said.Params[i] != text {
				t.Errorf("%q: parameter %d is %q, want %q", p.say(args...), i, said.Params[i], text)
			}
		}
	}
}

func TestReadEvidence(t *testing.T) {
	f := func(detail, want string) {
		t.Helper()
		if got := ReadEvidence("content", detail); got.DetailZh != want || got.NameZh != "内容" {
			t.Errorf("%q: %+v, want %q", detail, got, want)
		}
	}
	f(`query parameter "id": quote that ends a string and goes on in SQL, ORDER BY, HAVING or LIMIT with constants`,
		`查询参数 "id"：结束字符串并继续 SQL 的引号、带常量的 ORDER BY、HAVING 或 LIMIT`)
	f("body: no grammar of an attack", "正文：没有攻击语法")
	f("3 rules scored 15, gravest is rule 942100", "3 条规则计 15 分，最严重的是规则 942100")
	f("path: rule 942100 matched 40 % of 120 earlier values, at the least usual time", "路径：在最少见的时段，此前 120 个值中有 40 % 命中规则 942100")
	f("1 % of requests are taken to be attacks", "按 1 % 的请求是攻击来估计")
	f("of what nobody says", "") // unknown words stay English
	f(`query parameter "id": words of a later version`, "")
	f("", "")
	f(strings.Repeat("x", maxDetail+1), "")
	if got := ReadEvidence("later", "sentences"); got.NameZh != "" || got.DetailZh != "句子" {
		t.Errorf("an unknown name: %+v", got)
	}
}

// TestEveryEvidenceIsTranslated wants all names that the source gives, and all words
// that stand in sentences, in Chinese.
func TestEveryEvidenceIsTranslated(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			f, method := call.Fun.(*ast.SelectorExpr)
			name, literal := call.Args[0].(*ast.BasicLit)
			if !method || f.Sel.Name != "add" || !literal || name.Kind != gotoken.STRING {
				return true
			}
			n++
			if text, err := strconv.Unquote(name.Value); err != nil || evidenceNames[text] == "" {
				t.Errorf("%s: evidence %s has no Chinese name", file.Name(), name.Value)
			}
			if _, text := call.Args[2].(*ast.BasicLit); text {
				t.Errorf("%s: evidence %s says something that is no sentence of the table", file.Name(), name.Value)
			}
			return true
		})
	}
	if n < 15 {
		t.Errorf("%d names found in the source", n)
	}
	words := slices.Concat(placeNames[:], languageNames[:])
	for _, s := range shapeTable {
		words = append(words, s.words)
	}
	for _, word := range words {
		if wordsZh[word] == "" {
			t.Errorf("no Chinese for %q", word)
		}
	}
}

func FuzzReadEvidence(f *testing.F) {
	f.Add("content", `query parameter "id": second statement after a semicolon`)
	f.Add("rules", "%!s")
	f.Fuzz(func(t *testing.T, name, detail string) {
		if s := ReadEvidence(name, detail); (s.Phrase == "") != (s.DetailZh == "") {
			t.Errorf("%q: %+v", detail, s)
		}
	})
}

func BenchmarkReadEvidence(b *testing.B) {
	for b.Loop() {
		ReadEvidence("content", `query parameter "id": quote that ends a string and goes on in SQL`)
	}
}
