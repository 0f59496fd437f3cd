package file

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// The functions of this file are the format: which keys there are, and what reads
// each. The names are those of policy's fields; a test finds each field of the model in
// a file, and the schema has the same keys. Numbers and durations are not compared with
// bounds here: that is for Validate, which programs call, too.

// policyFields are the keys of the file itself.
func policyFields(p *policy.Policy) fields {
	return fields{
		"version":  scalar(&p.Version, parseVersion),
		"fleet":    fleet(&p.Fleet),
		"go":       inner(func() fields { return fields{"package": text(&p.Go.Package), "out": text(&p.Go.Out)} }),
		"profiles": named(&p.Profiles, profile),
		"classes":  named(&p.Classes, class),
		"routes":   named(&p.Routes, route),
		"cdn":      filled(list(&p.CDNs, cdn)),
	}
}

// inner reads a mapping with fixed keys that is below another one. The keys are made
// when there is such a mapping, and not for each class that has none.
func inner(known func() fields) reader {
	return func(d *decoder, path string, n *yaml.Node) { d.fields(path, n, known()) }
}

// length reads a duration above nothing.
func length(dst *time.Duration) reader { return scalar(dst, parseDuration) }

// window reads a duration that may be none, to close what a profile or a class opens.
func window(dst *time.Duration) reader { return scalar(dst, none(parseDuration)) }

// boolean reads true or false. False may be said, and is the same as nothing.
func boolean(dst *bool) reader { return scalar(dst, parseFlag) }

// jitter reads a share that may be none.
func jitter(dst *float64) reader { return scalar(dst, none(positive(parseShare))) }

func fleet(f *policy.Fleet) reader {
	return inner(func() fields {
		return fields{
			"max_staleness":  length(&f.MaxStaleness),
			"shared_timeout": length(&f.SharedTimeout),
			"lease":          length(&f.Lease),
			"hold":           length(&f.Hold),
			"outbox":         boolean(&f.Outbox),
		}
	})
}

func profile(d *decoder, path string, _, v *yaml.Node) (p policy.Profile) {
	d.fields(path, v, fields{
		"fresh":  length(&p.Fresh),
		"stale":  length(&p.Stale),
		"expire": length(&p.Expire),
		"jitter": jitter(&p.Jitter),
	})
	return p
}

func class(d *decoder, path string, _, v *yaml.Node) (c policy.Class) {
	d.fields(path, v, fields{
		"description":            text(&c.Description),
		"pattern":                text(&c.Pattern),
		"key":                    either(text(&c.Key.Type), keyParts(&c.Key.Parts)),
		"type":                   text(&c.Type),
		"profile":                text(&c.Profile),
		"ttl":                    ttl(&c),
		"negative_ttl":           length(&c.NegativeTTL),
		"stale_while_revalidate": window(&c.StaleWhileRevalidate),
		"stale_if_error":         window(&c.StaleIfError),
		"jitter":                 jitter(&c.Jitter),
		"tiers":                  texts(&c.Tiers),
		"tags":                   texts(&c.Tags),
		"value_tags":             boolean(&c.ValueTags),
		"value_ttl":              boolean(&c.ValueTTL),
		"row_version":            text(&c.RowVersion),
		"batch":                  boolean(&c.Batch),
		"strict":                 boolean(&c.Strict),
		"stampede":               stampede(&c.Stampede),
		"budget":                 budget(&c.Budget),
		"memory":                 memory(&c),
		"compress_above":         scalar(&c.CompressAbove, none(parseSize)),
		"privacy":                text(&c.Privacy),
		"encrypt":                boolean(&c.Encrypt),
		"rebuild":                rebuild(&c.Rebuild),
		"target":                 target(&c.Target),
		"source":                 source(&c.Source),
	})
	return c
}

// keyParts reads the parts of a key in their order, which is that of the fields of the
// generated struct: a map would lose it.
func keyParts(dst *[]policy.KeyPart) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if len(n.Content) == 0 {
			d.report(path, n, `write the names and types of its parts: {query: string, page: int64}`, "the key has no parts")
		}
		d.mapping(path, n, func(key, below string, _, v *yaml.Node) {
			part := policy.KeyPart{Name: key}
			text(&part.Type)(d, below, v)
			*dst = append(*dst, part)
		})
	}
}

// ttl reads a life in its three forms: 5m, from-value, or a mapping. The index has the
// path of the longer form for the short ones, too, so that a finding about ttl.shared
// has a place.
func ttl(c *policy.Class) reader {
	one := func(d *decoder, path string, n *yaml.Node) {
		d.index.put(field.Path(path, "shared"), n)
		if n.Value == "from-value" && n.Kind == yaml.ScalarNode {
			c.FromValue = true
			d.index.put(field.Path(path, "from_value"), n)
			return
		}
		length(&c.TTL.Shared)(d, path, n)
	}
	return either(one, inner(func() fields {
		return fields{
			"shared":     length(&c.TTL.Shared),
			"memory":     length(&c.TTL.Memory),
			"edge":       length(&c.TTL.Edge),
			"from_value": boolean(&c.FromValue),
		}
	}))
}

func stampede(s *policy.Stampede) reader {
	return inner(func() fields {
		return fields{
			"early_refresh": scalar(&s.EarlyRefresh, none(positive(parseNumber))),
			"soft_timeout":  length(&s.SoftTimeout),
			"hard_timeout":  length(&s.HardTimeout),
		}
	})
}

func budget(b *policy.Budget) reader {
	return inner(func() fields {
		return fields{
			"loads": count(&b.Loads),
			"rate":  scalar(&b.Rate, positive(parseNumber)),
			"wait":  length(&b.Wait),
		}
	})
}

// memory reads the bounds of the memory tier, which the file has in one mapping and the
// model in two fields of the class.
func memory(c *policy.Class) reader {
	return inner(func() fields {
		return fields{"entries": count(&c.MemoryEntries), "size": scalar(&c.MemoryBytes, parseSize)}
	})
}

// rebuild reads a number that may be 0, as none is what people expect to be able to
// say of it.
func rebuild(dst *int) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if n.Value == "0" && n.Kind == yaml.ScalarNode && !quoted(n) && d.plain(path, n) {
			return
		}
		count(dst)(d, path, n)
	}
}

// target reads a share, or a mapping with the share and its window.
func target(t *policy.Target) reader {
	one := func(d *decoder, path string, n *yaml.Node) {
		d.index.put(field.Path(path, "miss_rate"), n)
		scalar(&t.MissRate, positive(parseShare))(d, path, n)
	}
	return either(one, inner(func() fields {
		return fields{"miss_rate": scalar(&t.MissRate, positive(parseShare)), "window": length(&t.Window)}
	}))
}

// source reads words or a list of tables. A mapping is the one table that somebody has
// written without its dash.
func source(s *policy.Source) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.SequenceNode:
			filled(list(&s.Tables, table))(d, path, n)
		case yaml.MappingNode:
			d.report(path, n, "write - before it, or [ ] around a { }: source is a list of tables", "want a list of tables or a text, got a mapping")
		default:
			text(&s.From)(d, path, n)
		}
	}
}

func table(t *policy.Table) reader {
	return inner(func() fields {
		return fields{
			"table":    text(&t.Name),
			"key":      text(&t.Key),
			"tags":     texts(&t.Tags),
			"version":  text(&t.Version),
			"sequence": text(&t.Sequence),
		}
	})
}

func route(d *decoder, path string, _, v *yaml.Node) (r policy.Route) {
	d.fields(path, v, fields{
		"class":                  text(&r.Class),
		"no_store":               boolean(&r.NoStore),
		"private":                boolean(&r.Private),
		"profile":                text(&r.Profile),
		"edge":                   window(&r.Edge),
		"browser":                window(&r.Browser),
		"stale_while_revalidate": window(&r.StaleWhileRevalidate),
		"stale_if_error":         window(&r.StaleIfError),
		"immutable":              boolean(&r.Immutable),
		"tags":                   texts(&r.Tags),
		"query":                  list(&r.Query, func(t *string) reader { return text(t) }),
		"vary":                   texts(&r.Vary),
		"statuses":               statuses(&r.Statuses),
	})
	return r
}

// statuses reads lives by status. JSON has no numbers as keys, so quotes are no
// mistake; spellings that only some readers take for the same number, 0404, are one.
func statuses(dst *map[int]time.Duration) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		d.mapping(path, n, func(key, below string, k, v *yaml.Node) {
			status, err := strconv.Atoi(key)
			if err != nil || !wholeNumber.MatchString(key) {
				d.report(below, k, "write a number of three digits: {404: 30s}", "want a status, got %s", secret.Quote(key))
				return
			}
			var life time.Duration
			length(&life)(d, below, v)
			if *dst == nil {
				*dst = map[int]time.Duration{}
			}
			(*dst)[status] = life
		})
	}
}

func cdn(c *policy.CDN) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		d.fields(path, n, fields{
			"kind":  text(&c.Kind),
			"zone":  variableName("zone", &c.Zone),
			"token": variableName("token", &c.Token),
			"hosts": texts(&c.Hosts),
		})
	}
}

// variableName reads the name of an environment variable. Other readers repeat a value
// that they refuse; here that may be the secret itself. A text that is no name is for
// Validate, which does not repeat it either.
func variableName(key string, dst *string) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		strange := n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0
		if strange || !quoted(n) && kindOf(n.Value) != "" {
			d.report(path, n, "write a name in capital letters, digits and _, and set the variable to the "+key,
				"%s is not the name of an environment variable", key)
			return
		}
		text(dst)(d, path, n)
	}
}

// parseVersion reads the version of the format. It is compared as it is written: a file
// of version 2 must not be read as far as it goes.
func parseVersion(n *yaml.Node) (int, error) {
	if quoted(n) || n.Value != strconv.Itoa(policy.FileVersion) {
		return 0, wrong(fmt.Sprintf("write version: %d", policy.FileVersion), "want the version %d of the format, got %s", policy.FileVersion, versionText(n))
	}
	return policy.FileVersion, nil
}

// versionText shows what stands in the place of the version; a text has its quotes, as
// they are what is wrong with it.
func versionText(n *yaml.Node) string {
	if quoted(n) {
		return "the text " + secret.Quote(n.Value)
	}
	return n.Value
}
