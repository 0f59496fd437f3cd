package cftest

import (
	"fmt"
	"regexp"
	"strings"
)

// Request is what an expression is about.
type Request struct {
	Method, Host, Path string
}

// Compile reads an expression of the Rules language and returns what evaluates it.
// It knows the operators eq, ne, in, contains, wildcard, strict wildcard and matches,
// the functions starts_with and ends_with, not, and, or, parentheses, and the fields
// http.host, http.request.method and http.request.uri.path. The error says where
// the expression is wrong.
func Compile(expression string) (func(Request) bool, error) {
	c, _, err := compile(expression)
	return c, err
}

// condition is a compiled expression.
type condition func(Request) bool

// parser reads an expression by recursive descent, and makes closures of it at once.
type parser struct {
	text string
	at   int
	// regexps counts uses of matches, which not all plans have.
	regexps int
}

// compile reads the whole text: what is left behind an expression is a mistake.
func compile(expression string) (condition, *parser, error) {
	p := &parser{text: expression}
	c, err := p.or()
	if err == nil {
		p.space()
		if p.at < len(p.text) {
			err = p.wrong("unexpected text")
		}
	}
	return c, p, err
}

// wrong is an error that says where it is.
func (p *parser) wrong(what string) error {
	return fmt.Errorf("%s at byte %d, before %.20q", what, p.at, p.text[p.at:])
}

// space passes over what parts tokens.
func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \n\t", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take reads a token if it is the next.
func (p *parser) take(token string) bool {
	p.space()
	after, ok := strings.CutPrefix(p.text[p.at:], token)
	if !ok {
		return false
	}
	if last := token[len(token)-1]; wordByte(last) && after != "" && wordByte(after[0]) {
		return false // the beginning of a longer word
	}
	p.at += len(token)
	return true
}

// wordByte tells whether a byte belongs to a name: "order" does not begin with the
// operator or.
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.'
}

// or reads what binds least; and binds more, and not the most.
func (p *parser) or() (condition, error) {
	left, err := p.and()
	for err == nil && p.take("or") {
		var right condition
		before := left
		if right, err = p.and(); err == nil {
			left = func(r Request) bool { return before(r) || right(r) }
		}
	}
	return left, err
}

// and: see or.
func (p *parser) and() (condition, error) {
	left, err := p.not()
	for err == nil && p.take("and") {
		var right condition
		before := left
		if right, err = p.not(); err == nil {
			left = func(r Request) bool { return before(r) && right(r) }
		}
	}
	return left, err
}

// not reads a condition that no operator parts: a negation, something in parentheses, a
// function or a comparison.
func (p *parser) not() (condition, error) {
	if p.take("not") {
		inner, err := p.not()
		return func(r Request) bool { return !inner(r) }, err
	}
	if p.take("(") {
		inner, err := p.or()
		if err == nil && !p.take(")") {
			err = p.wrong("want )")
		}
		return inner, err
	}
	if p.take("true") {
		return func(Request) bool { return true }, nil
	}
	for name, check := range map[string]func(s, part string) bool{"starts_with": strings.HasPrefix, "ends_with": strings.HasSuffix} {
		if p.take(name) {
			return p.function(check)
		}
	}
	return p.comparison()
}

// function reads the arguments of one, a field and a text.
func (p *parser) function(check func(s, part string) bool) (condition, error) {
	if !p.take("(") {
		return nil, p.wrong("want (")
	}
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	if !p.take(",") {
		return nil, p.wrong("want ,")
	}
	value, err := p.str()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.wrong("want )")
	}
	return func(r Request) bool { return check(field(r), value) }, nil
}

// field reads the name of a field. There are no others, so that an expression about
// something else is seen to be one that nobody evaluates.
func (p *parser) field() (func(Request) string, error) {
	switch {
	case p.take("http.host"):
		return func(r Request) string { return r.Host }, nil
	case p.take("http.request.method"):
		return func(r Request) string { return r.Method }, nil
	case p.take("http.request.uri.path"):
		return func(r Request) string { return r.Path }, nil
	}
	return nil, p.wrong("want a field")
}

// operators are those with one text behind them, in an order in which none begins as one
// before it. The star of wildcard matches slashes, too, and without regard to capitals.
var operators = []struct {
	name  string
	check func(value string) (func(string) bool, error)
}{
	{"eq", func(v string) (func(string) bool, error) { return func(s string) bool { return s == v }, nil }},
	{"ne", func(v string) (func(string) bool, error) { return func(s string) bool { return s != v }, nil }},
	{"contains", func(v string) (func(string) bool, error) {
		return func(s string) bool { return strings.Contains(s, v) }, nil
	}},
	{"strict wildcard", func(v string) (func(string) bool, error) { return wildcard(v, "") }},
	{"wildcard", func(v string) (func(string) bool, error) { return wildcard(v, "(?i)") }},
	{"matches", func(v string) (func(string) bool, error) {
		re, err := regexp.Compile(v)
		if err != nil {
			return nil, err
		}
		return re.MatchString, nil
	}},
}

// comparison reads a field, an operator and a text, or a set of texts.
func (p *parser) comparison() (condition, error) {
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	if p.take("in") {
		return p.set(field)
	}
	for _, o := range operators {
		if !p.take(o.name) {
			continue
		}
		value, err := p.str()
		if err != nil {
			return nil, err
		}
		check, err := o.check(value)
		if err != nil {
			return nil, p.wrong(err.Error())
		}
		if o.name == "matches" {
			p.regexps++
		}
		return func(r Request) bool { return check(field(r)) }, nil
	}
	return nil, p.wrong("want an operator")
}

// set reads the texts in braces behind in. An empty one would match nothing, and is
// refused.
func (p *parser) set(field func(Request) string) (condition, error) {
	if !p.take("{") {
		return nil, p.wrong("want {")
	}
	values := map[string]bool{}
	for !p.take("}") {
		value, err := p.str()
		if err != nil {
			return nil, err
		}
		values[value] = true
	}
	if len(values) == 0 {
		return nil, p.wrong("the set is empty")
	}
	return func(r Request) bool { return values[field(r)] }, nil
}

// wildcard compiles a text in which a star stands for anything and a backslash
// makes the next star or backslash a plain one.
func wildcard(text, flags string) (func(string) bool, error) {
	re := "(?s)" + flags + "^"
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			re += regexp.QuoteMeta(text[i : i+1])
		case text[i] == '\\':
			return nil, fmt.Errorf("a backslash in a wildcard stands before * or another")
		case text[i] == '*' && i+1 < len(text) && text[i+1] == '*':
			return nil, fmt.Errorf("two stars in a row")
		case text[i] == '*':
			re += ".*"
		default:
			re += regexp.QuoteMeta(text[i : i+1])
		}
	}
	compiled, err := regexp.Compile(re + "$")
	if err != nil {
		return nil, err
	}
	return compiled.MatchString, nil
}

// str reads a string, quoted or raw.
func (p *parser) str() (string, error) {
	p.space()
	if strings.HasPrefix(p.text[p.at:], `r"`) || strings.HasPrefix(p.text[p.at:], "r#") {
		return p.raw()
	}
	if !p.take(`"`) {
		return "", p.wrong("want a string")
	}
	var b strings.Builder
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case '"':
			p.at++
			return b.String(), nil
		case '\\':
			p.at++
			if p.at == len(p.text) || p.text[p.at] != '"' && p.text[p.at] != '\\' {
				p.at--
				return "", p.wrong("a backslash in a string stands before \" or another")
			}
			fallthrough
		default:
			b.WriteByte(p.text[p.at])
		}
	}
	return "", p.wrong("the string has no end")
}

// raw reads r"…" or r#"…"#, in which nothing is an escape: it ends at a quotation mark
// with as many # behind it as it began with.
func (p *parser) raw() (string, error) {
	marks := strings.IndexByte(p.text[p.at+1:], '"')
	if marks < 0 || strings.Trim(p.text[p.at+1:p.at+1+marks], "#") != "" {
		return "", p.wrong("want a raw string")
	}
	begin := p.at + 2 + marks
	ending := `"` + strings.Repeat("#", marks)
	length := strings.Index(p.text[begin:], ending)
	if length < 0 {
		return "", p.wrong("the string has no end")
	}
	p.at = begin + length + len(ending)
	return p.text[begin : begin+length], nil
}
