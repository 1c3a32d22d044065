package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// check validates the dataset and reports what fails.
func (e *entry) check(optional bool) {
	plainPath := isPlainURL(e.spec.NeuronDatasetPath)
	for _, failed := range e.validate(optional, plainPath) {
		f := fieldByGoName[failed.StructField()]
		name, at := f.snake, e.at
		if c := e.given[f.place]; c != 0 {
			name, at = string(e.p.tree.key(&e.p.tree.nodes[c])), c
		}
		if d := e.p.report(int(e.p.tree.nodes[at].at), SeverityError, RuleBadValue); d != nil {
			d.Field = e.where.field(name)
			e.p.explain(d, failed.Tag(), failed.Param(), fmt.Sprint(failed.Value()))
		}
	}
	if !plainPath {
		at := e.given[pathPlace]
		e.checkPath(at, at, 0, e.spec.NeuronDatasetPath)
	}
	if list := e.given[explanationsPlace]; list != 0 {
		e.checkExplanations(list)
	}
}

// checkExplanations validates the paths of explanation datasets. The validator would allocate
// for every invalid one.
func (e *entry) checkExplanations(list int32) {
	i := 0
	for item := range e.p.tree.children(list) {
		n := &e.p.tree.nodes[item]
		path := string(e.p.tree.textOf(n))
		if !e.bad[explanationsPlace] && !isPathOrURL(path) {
			if d := e.p.report(int(n.at), SeverityError, RuleBadValue); d != nil {
				d.Field = element(e.pathOf(&e.p.tree.nodes[list]), i)
				e.p.explain(d, "path_or_url", "", path)
			}
		}
		e.checkPath(list, item, i, path)
		i++
	}
}

// validate returns the rules that a dataset fails. Optional says whether it has any of the
// optional fields, and plainPath whether its path is a plain URL.
func (e *entry) validate(optional, plainPath bool) validator.ValidationErrors {
	s, part := e.spec, e.p.loader.required
	*part = requiredPart{s, e.p.opts.extraTypes, e.known, plainPath, [requiredFields]bool(e.bad[:requiredFields])}
	var failed validator.ValidationErrors
	if !part.isValid() {
		failed = failures(rules.Struct(part))
	}
	if optional {
		part := optionalPart{s.Layers, s.NodesPerLayer, s.RecordFormat, s.Homepage}
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

// explain completes the diagnostic for a value that fails the check of the given tag.
func (p *parser) explain(d *Diagnostic, tag, param, value string) {
	d.Value = truncate(value)
	quoted := strconv.Quote(d.Value)
	if !isNotBlank(value) {
		d.Rule, d.Message = RuleEmptyField, "must not be empty"
		return
	}
	switch tag {
	case "scalar_type":
		d.Rule, d.Message = RuleUnknownScalarType, "unknown derived scalar type "+quoted
		d.Suggestion = suggestType(value, p.opts.extraTypes)
	case "path_or_url":
		d.Rule, d.Message = RuleBadURL, "must be a path or a URL with a host, not "+quoted
	case "web_url":
		d.Rule, d.Message = RuleBadURL, "must be an http or https URL, not "+quoted
	case "oneof":
		d.Message = "must be " + strings.ReplaceAll(param, " ", " or ") + ", not " + quoted
	case "gte":
		d.Message = "must be at least " + param
	}
}
