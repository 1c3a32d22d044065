package config

// A Rule is the stable name of a kind of finding.
type Rule string

// The rules. [Rules] describes each of them.
const (
	RuleSyntax             Rule = "syntax"
	RuleUnknownFormat      Rule = "unknown-format"
	RuleBadEncoding        Rule = "bad-encoding"
	RuleTooLarge           Rule = "too-large"
	RuleTooDeep            Rule = "too-deep"
	RuleUnreadable         Rule = "unreadable"
	RuleWrongShape         Rule = "wrong-shape"
	RuleUnsupportedVersion Rule = "unsupported-version"
	RuleMissingField       Rule = "missing-field"
	RuleEmptyField         Rule = "empty-field"
	RuleWrongType          Rule = "wrong-type"
	RuleUnknownScalarType  Rule = "unknown-scalar-type"
	RuleBadURL             Rule = "bad-url"
	RuleBadValue           Rule = "bad-value"
	RuleDuplicateKey       Rule = "duplicate-key"
	RuleDuplicateDataset   Rule = "duplicate-dataset"
	RuleMoreProblems       Rule = "more-problems"
	RuleInternal           Rule = "internal"

	RuleEmptyDocument     Rule = "empty-document"
	RuleIgnoredFile       Rule = "ignored-file"
	RuleUnknownField      Rule = "unknown-field"
	RuleNestedDataset     Rule = "nested-dataset"
	RuleOverridesOther    Rule = "overrides-other-file"
	RuleLegacyForm        Rule = "legacy-form"
	RuleCasingConflict    Rule = "casing-conflict"
	RuleUnknownScheme     Rule = "unknown-scheme"
	RuleDeprecatedInUse   Rule = "deprecated-in-use"
	RuleReplacedByMissing Rule = "replaced-by-missing"
	RuleViewerCannotShow  Rule = "viewer-cannot-show"
	RuleUnreachablePath   Rule = "unreachable-path"
	RuleUncheckedPath     Rule = "unchecked-path"
	RuleAzurePath         Rule = "azure-path"
)

// A RuleInfo describes a rule.
type RuleInfo struct {
	Rule     Rule
	Severity Severity // the highest severity of its diagnostics
	Summary  string
}

// Rules returns all rules, errors first. The caller may change the slice.
func Rules() []RuleInfo {
	return []RuleInfo{
		{RuleSyntax, SeverityError, "the document is not well-formed TOML or JSON"},
		{RuleUnknownFormat, SeverityError, "the file name does not end in .toml, .json or .jsonc"},
		{RuleBadEncoding, SeverityError, "the document is neither UTF-8 nor UTF-16 with a byte order mark"},
		{RuleTooLarge, SeverityError, "the document exceeds the limit on its size or on the number of its values"},
		{RuleTooDeep, SeverityError, "the nesting of lists and objects exceeds the limit"},
		{RuleUnreadable, SeverityError, "the file cannot be read"},
		{RuleWrongShape, SeverityError, "the document is well-formed but has none of the forms that hold datasets"},
		{RuleUnsupportedVersion, SeverityError, "unsupported schema_version; a newer version is only a warning"},
		{RuleMissingField, SeverityError, "a required field is missing"},
		{RuleEmptyField, SeverityError, "a field that must not be empty is empty"},
		{RuleWrongType, SeverityError, "a value has the wrong type"},
		{RuleUnknownScalarType, SeverityError, "derived_scalar_type is not a known type"},
		{RuleBadURL, SeverityError, "a path or URL is invalid"},
		{RuleBadValue, SeverityError, "the value of a field is not allowed"},
		{RuleDuplicateKey, SeverityError, "a key is defined twice in one object or table"},
		{RuleDuplicateDataset, SeverityError, "a dataset is defined twice in one document"},
		{RuleUnreachablePath, SeverityError, "the path of a dataset cannot be reached (only with --check-paths)"},
		{RuleMoreProblems, SeverityError, "the document has more problems than are shown"},
		{RuleInternal, SeverityError, "parsing failed unexpectedly; please report it"},
		{RuleEmptyDocument, SeverityWarning, "the document has no datasets; an error if it had some before"},
		{RuleIgnoredFile, SeverityWarning, "a file looks like a dataset file and is not read, such as a backup"},
		{RuleUnknownField, SeverityWarning, "a field is neither known nor declared; it is kept as an extra field"},
		{RuleNestedDataset, SeverityWarning, "a dataset appears to be nested in another one"},
		{RuleOverridesOther, SeverityWarning, "a dataset overrides one that is defined in another file"},
		{RuleLegacyForm, SeverityWarning, "the document uses a legacy form; neurondex convert updates it"},
		{RuleCasingConflict, SeverityWarning, "a field is given in snake_case and in camelCase, with different values"},
		{RuleUnknownScheme, SeverityWarning, "a path looks like a URL, but not like one of a known scheme"},
		{RuleDeprecatedInUse, SeverityWarning, "replaced_by names a dataset that is itself deprecated"},
		{RuleReplacedByMissing, SeverityWarning, "replaced_by names a dataset that does not exist"},
		{RuleViewerCannotShow, SeverityWarning, "the public neuron viewer cannot show the dataset (only with --viewer)"},
		{RuleUncheckedPath, SeverityWarning, "the path of a dataset cannot be checked (only with --check-paths)"},
		{RuleAzurePath, SeverityHint, "an az:// path also has an https form, which browsers can read"},
	}
}
