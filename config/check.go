package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/neurondex/neurondex/registry"
)

// check holds the dataset against the validator's rules.
func (e *entry) check(optional bool) {
	for _, failed := range e.p.check(e.spec, optional) {
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
		d.Value, d.Suggestion = cut(fmt.Sprint(failed.Value())), suggestion
		e.p.found = append(e.p.found, d)
	}
	e.azure(e.given[pathPlace], e.spec.NeuronDatasetPath)
	if at := e.given[explanationsPlace]; at != 0 {
		for c := range e.p.tree.children(at) {
			e.azure(c, string(e.p.tree.textOf(&e.p.tree.nodes[c])))
		}
	}
}

// check holds a dataset against the rules.
func (p *parser) check(s *registry.Spec, optional bool) validator.ValidationErrors {
	*p.loader.required = requiredPart{s, p.opts.extraTypes}
	failed := failures(validate.Struct(p.loader.required))
	if optional {
		part := optionalPart{s.Layers, s.NodesPerLayer, s.RecordFormat, s.ExplanationDatasetPaths, s.Homepage}
		failed = append(failed, failures(validate.Struct(&part))...)
	}
	return failed
}

// failures returns what a validator's error holds. Any other error would be a mistake
// in the rules themselves.
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

// explain returns the rule that a failed tag stands for, what it says to people, and
// what was probably meant.
func (p *parser) explain(failed validator.FieldError) (r Rule, message, suggestion string) {
	text := fmt.Sprint(failed.Value())
	quoted := strconv.Quote(cut(text))
	if strings.TrimSpace(text) == "" {
		return RuleEmptyField, "must not be empty", ""
	}
	switch failed.Tag() {
	case "scalar_type":
		return RuleUnknownScalarType, "no derived scalar type is called " + quoted, suggestType(text, p.opts.extraTypes)
	case "path_or_url":
		return RuleBadURL, quoted + " is neither a path nor a URL with a host", ""
	case "web_url":
		return RuleBadURL, quoted + " is not an http or https URL", ""
	case "oneof":
		return RuleBadValue, quoted + " is not one of: " + strings.ReplaceAll(failed.Param(), " ", ", "), ""
	case "gte":
		return RuleBadValue, "must not be less than " + failed.Param(), ""
	}
	return RuleBadValue, "does not pass the check " + failed.Tag(), ""
}

// azure hints at the https form of a path that only Azure's own tools read.
func (e *entry) azure(at int32, path string) {
	rest, ok := strings.CutPrefix(path, "az://")
	account, blob, found := strings.Cut(rest, "/")
	if !ok || !found || account == "" || at == 0 {
		return
	}
	n := &e.p.tree.nodes[at]
	d := e.p.diagnostic(int(n.at), SeverityHint, RuleAzurePath, e.pathOf(n),
		"browsers cannot read az:// paths; the https form is https://"+cut(account)+".blob.core.windows.net/"+cut(blob))
	d.Value = cut(path)
	e.p.found = append(e.p.found, d)
}
