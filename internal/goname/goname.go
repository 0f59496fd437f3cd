// Package goname makes Go names of the names in a policy, and says which of them
// would be the same: there "a-b" and "a_b" are two, and in Go both are AB.
//
//	class "a-b" ──Class──▶ AB ──▶ a field of Caches, ABLoader, Loaders.LoadAB, ABKey, …
//
// It is for what writes the code and for what checks a policy before that, so that
// both mean the same names.
package goname

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/larderdev/larder/policy"
)

// Class makes the exported Go name of a class.
// It is part of what users' code calls: another name for the same class breaks their
// build.
func Class(name string) string { return of(name, "Class") }

// Part makes the name of the field for a part of a key.
func Part(name string) string { return of(name, "Part") }

// Clash says that two things have one name in Go.
type Clash struct {
	// Class is the one that comes second, in the order of names.
	Class string
	// Part is the part of its key, if that is what has the name.
	Part string
	// Message names both and the name.
	Message string
}

// Clashes returns the names that are the same in the code of classes, which are those
// with a cache, resolved. They are in the order of classes.
//
// The first of two is taken for right, and the second is told of: of names in a file
// neither is more wrong.
func Clashes(classes map[string]policy.Class) []Clash {
	s := scopes{
		fields:  names{"Close": "the method of Caches", "Larder": "the method of Caches"},
		methods: names{}, decls: names{},
	}
	for _, name := range []string{"Caches", "Loaders", "Open", "Policies", "Routes", "Queries", "CDNs", "Mappings", "List", "NewList"} {
		s.decls[name] = "what each generated package has"
	}
	var all []Clash
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		c := classes[name]
		for _, message := range s.declare(name, &c) {
			all = append(all, Clash{Class: name, Message: message})
		}
		parts := names{"MarshalText": "the method of each key"}
		for _, p := range c.Key.Parts {
			if message := parts.take(Part(p.Name), fmt.Sprintf("part %q", p.Name)); message != "" {
				all = append(all, Clash{Class: name, Part: p.Name, Message: message})
			}
		}
	}
	return all
}

// scopes are where the code of a class has names: fields of Caches, methods of
// Loaders, and declarations of the package.
//
// A name may be in each once: a field of Caches and a type of the package do not meet.
type scopes struct{ fields, methods, decls names }

// declare takes the names that a class has in code.
func (s *scopes) declare(name string, c *policy.Class) (messages []string) {
	what, class := fmt.Sprintf("class %q", name), Class(name)
	take := func(in names, name string) {
		if message := in.take(name, what); message != "" {
			messages = append(messages, message)
		}
	}
	if take(s.fields, class); messages != nil {
		return messages // all the others would follow
	}
	take(s.decls, class+"Loader")
	if len(c.Key.Parts) > 0 {
		take(s.decls, class+"Key")
		take(s.decls, "Parse"+class+"Key")
	}
	load := "Load" + class
	if c.Batch {
		load += "Batch"
	}
	take(s.methods, load)
	for _, m := range []struct {
		suffix string
		has    bool
	}{{"Version", c.RowVersion != ""}, {"Expires", c.FromValue}, {"Tags", c.ValueTags}, {"TTL", c.ValueTTL}} {
		if m.has {
			take(s.methods, class+m.suffix)
		}
	}
	return messages
}

// names are the Go names of one scope, each with what it is for.
type names map[string]string

// take notes that name is for something: "class \"a-b\"". It returns why not, if the
// name is taken.
func (n names) take(name, what string) string {
	if other, taken := n[name]; taken {
		return fmt.Sprintf("%s and %s are both %s in Go", other, what, name)
	}
	n[name] = what
	return ""
}

// initialisms are words that Go writes in capitals, in small letters.
//
// They are those of Go's own review comments, "Initialisms", and what is usual beside
// them.
var initialisms = map[string]string{
	"acl": "ACL", "api": "API", "apis": "APIs", "ascii": "ASCII", "cdn": "CDN", "cpu": "CPU", "css": "CSS", "csv": "CSV",
	"dns": "DNS", "eof": "EOF", "grpc": "GRPC", "guid": "GUID", "html": "HTML", "http": "HTTP", "https": "HTTPS",
	"id": "ID", "ids": "IDs", "ip": "IP", "ips": "IPs", "json": "JSON", "jwt": "JWT", "lhs": "LHS", "pdf": "PDF",
	"qps": "QPS", "ram": "RAM", "rhs": "RHS", "rpc": "RPC", "sla": "SLA", "smtp": "SMTP", "sql": "SQL", "ssh": "SSH",
	"tcp": "TCP", "tls": "TLS", "ttl": "TTL", "udp": "UDP", "ui": "UI", "uid": "UID", "uri": "URI", "uris": "URIs",
	"url": "URL", "urls": "URLs", "utf8": "UTF8", "uuid": "UUID", "uuids": "UUIDs", "vm": "VM", "xml": "XML",
}

// of makes the exported Go name of a name in words: "user-profile" is
// UserProfile, "api.base_url" is APIBaseURL. One that begins with a digit gets a
// prefix, as no Go name begins so.
func of(name, prefix string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if capitals, ok := initialisms[strings.ToLower(word)]; ok {
			b.WriteString(capitals)
			continue
		}
		runes := []rune(word)
		// The rest stays as it is: "userProfile" is one word to us, and UserProfile in
		// Go.
		runes[0] = unicode.ToUpper(runes[0])
		b.WriteString(string(runes))
	}
	text := b.String()
	if text == "" || !unicode.IsLetter([]rune(text)[0]) {
		text = prefix + text
	}
	return text
}
