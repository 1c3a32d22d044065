package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/neurondex/neurondex/registry"
)

// check validates the dataset and reports what fails.
func (e *entry) check(optional bool) {
	for _, failed := range e.p.validate(e.spec, optional) {
		name, element, isElement := strings.Cut(failed.StructField(), "[") // ExplanationDatasetPaths[1]
		f := fieldByGoName[name]
		if e.bad[f.place] {
			continue
		}
		fieldName, at := f.snake, e.at
		if c := e.given[f.place]; c != 0 {
			fieldName, at = string(e.p.tree.key(&e.p.tree.nodes[c])), c
		}
		if isElement {
			i, _ := strconv.Atoi(strings.TrimSuffix(element, "]"))
			for c := range e.p.tree.children(at) {
				if at = c; i == 0 {
					break
				}
				i--
			}
			fieldName += "[" + element
		}
		rule, message, suggestion := e.p.explain(failed)
		d := e.p.diagnostic(int(e.p.tree.nodes[at].at), SeverityError, rule, e.where.field(fieldName), message)
		d.Value, d.Suggestion = truncate(fmt.Sprint(failed.Value())), suggestion
		e.p.found = append(e.p.found, d)
	}
	if at := e.given[pathPlace]; at != 0 {
		e.azure(at, at, 0, e.spec.NeuronDatasetPath)
	}
	if list := e.given[explanationsPlace]; list != 0 {
		i := 0
		for item := range e.p.tree.children(list) {
			e.azure(list, item, i, string(e.p.tree.textOf(&e.p.tree.nodes[item])))
			i++
		}
	}
}

// validate returns the rules that a dataset fails. Optional says whether it has any of the
// optional fields.
func (p *parser) validate(s *registry.Spec, optional bool) validator.ValidationErrors {
	*p.loader.required = requiredPart{s, p.opts.extraTypes}
	failed := failures(rules.Struct(p.loader.required))
	if optional {
		part := optionalPart{s.Layers, s.NodesPerLayer, s.RecordFormat, s.ExplanationDatasetPaths, s.Homepage}
		failed = append(failed, failures(rules.Struct(&part))...)
	}
	return failed
}

// failures returns the rules that failed. It panics on any other error, which can only come
// from an invalid rule.
func failures(err error) validator.ValidationErrors {
	if err == nil {
		return nil
	}
	failed, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		panic(err)
	}
	return failed
}

// explain returns the parts of the diagnostic for a failed rule of the validator.
func (p *parser) explain(failed validator.FieldError) (r Rule, message, suggestion string) {
	text := fmt.Sprint(failed.Value())
	quoted := strconv.Quote(truncate(text))
	if strings.TrimSpace(text) == "" {
		return RuleEmptyField, "must not be empty", ""
	}
	switch failed.Tag() {
	case "scalar_type":
		return RuleUnknownScalarType, "unknown derived scalar type " + quoted, suggestType(text, p.opts.extraTypes)
	case "path_or_url":
		return RuleBadURL, "must be a path or a URL with a host, not " + quoted, ""
	case "web_url":
		return RuleBadURL, "must be an http or https URL, not " + quoted, ""
	case "oneof":
		return RuleBadValue, "must be " + strings.ReplaceAll(failed.Param(), " ", " or ") + ", not " + quoted, ""
	case "gte":
		return RuleBadValue, "must be at least " + failed.Param(), ""
	}
	return RuleBadValue, "fails the check " + failed.Tag(), ""
}

// azure hints at the https form of an az:// path, which only Azure's own tools read. The path
// is at the node of a field, or at the i-th item of that field.
func (e *entry) azure(field, at int32, i int, path string) {
	rest, ok := strings.CutPrefix(path, "az://")
	account, blob, found := strings.Cut(rest, "/")
	if !ok || !found || account == "" {
		return
	}
	name := e.pathOf(&e.p.tree.nodes[field])
	if at != field {
		name += "[" + strconv.Itoa(i) + "]"
	}
	d := e.p.diagnostic(int(e.p.tree.nodes[at].at), SeverityHint, RuleAzurePath, name,
		"browsers cannot read az:// paths; the https form is https://"+truncate(account)+".blob.core.windows.net/"+truncate(blob))
	d.Value = truncate(path)
	e.p.found = append(e.p.found, d)
}
