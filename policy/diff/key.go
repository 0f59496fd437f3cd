package diff

import (
	"strings"

	"github.com/larderdev/larder/policy"
)

// key is about the text of keys, by which values are found. That of parts is in the
// order of their names, without those that are zero; that of a number is its digits.
func (p *classPair) key() verdict {
	was, is := p.old.Key, p.new.Key
	switch {
	case textKey(was) == textKey(is):
		return verdict{Safe, sameLife}
	case len(was.Parts) > 0 && len(is.Parts) > 0:
		return p.parts(was.Parts, is.Parts)
	case plainText[textKey(was)] && plainText[textKey(is)]:
		return verdict{Breaking, "Keys keep their text, and what is kept is found as before. " + compile}
	}
	return verdict{Breaking, p.cold("Keys have another text, and invalidations of the old ones reach nothing. ") + compile}
}

// parts compares keys that both have parts. Parts that are zero are not in a key's text
// (see [classPair.key]), so that a part more leaves alone all keys that do not have it.
func (p *classPair) parts(was, is []policy.KeyPart) verdict {
	gone, come := without(was, is), without(is, was)
	switch {
	case len(gone)+len(come) == 0:
		return verdict{Behavioural, "Keys keep their text, and what is kept is found as before. The fields of the key stand in another order: code that writes a key without their names means another one, or does not compile."}
	case len(gone) == 0:
		return verdict{Behavioural, "Keys that ask for " + called(come) + " are new ones: nothing is kept of them. All others keep their text, and are found as before."}
	case len(come) == 0:
		return verdict{Breaking, "Nothing that is kept under a key with " + called(gone) + " is found any more. All others keep their text, and are found as before. " + compile}
	}
	return verdict{Breaking, p.cold("Keys have another text, and invalidations of the old ones reach nothing. ") + compile}
}

// called names parts in a sentence about any of them.
func called(parts []policy.KeyPart) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Name
	}
	return strings.Join(names, " or ")
}

// plainText are the types whose text says only the value: 42 is "42" in all of them.
var plainText = map[string]bool{
	"string": true, "byte": true, "rune": true,
	"int": true, "int8": true, "int16": true, "int32": true, "int64": true,
	"uint": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
}

// textKey is the key with its default, as text: the type decides how a key is written.
func textKey(k policy.Key) string {
	if s := text(k); s != "" {
		return s
	}
	return "string"
}
