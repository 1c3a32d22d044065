package config

// A Rule is the stable name of what a diagnostic is about.
type Rule string

// The rules. [Rules] describes them.
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

	RuleEmptyDocument     Rule = "empty-document"
	RuleUnknownField      Rule = "unknown-field"
	RuleNestedDataset     Rule = "nested-dataset"
	RuleOverridesOther    Rule = "overrides-other-file"
	RuleLegacyForm        Rule = "legacy-form"
	RuleCasingConflict    Rule = "casing-conflict"
	RuleDeprecatedInUse   Rule = "deprecated-in-use"
	RuleReplacedByMissing Rule = "replaced-by-missing"
	RuleViewerCannotShow  Rule = "viewer-cannot-show"
	RuleUnreachablePath   Rule = "unreachable-path"
	RuleAzurePath         Rule = "azure-path"
)

// A RuleInfo describes a rule to people.
type RuleInfo struct {
	Rule     Rule
	Severity Severity // the most severe that its diagnostics have
	Summary  string
}

// Rules returns every rule of this package, errors first.
func Rules() []RuleInfo {
	return []RuleInfo{
		{RuleSyntax, SeverityError, "the document is not well-formed TOML or JSON"},
		{RuleUnknownFormat, SeverityError, "the name ends neither in .toml nor in .json nor in .jsonc"},
		{RuleBadEncoding, SeverityError, "the document is neither UTF-8, nor UTF-16 with a byte order mark"},
		{RuleTooLarge, SeverityError, "the document has more bytes than are read"},
		{RuleTooDeep, SeverityError, "lists and objects lie too deep in each other"},
		{RuleUnreadable, SeverityError, "the file cannot be read"},
		{RuleWrongShape, SeverityError, "the document is well-formed, but has none of the forms that hold datasets"},
		{RuleUnsupportedVersion, SeverityError, "schema_version is none that there is; a newer one is a warning"},
		{RuleMissingField, SeverityError, "a required field is not given"},
		{RuleEmptyField, SeverityError, "a field that must not be blank is"},
		{RuleWrongType, SeverityError, "a field's value is of another kind"},
		{RuleUnknownScalarType, SeverityError, "derived_scalar_type is none of the known types"},
		{RuleBadURL, SeverityError, "a URL cannot be followed"},
		{RuleBadValue, SeverityError, "a field's value is not one that it can have"},
		{RuleDuplicateKey, SeverityError, "a key is given twice in one object or table"},
		{RuleDuplicateDataset, SeverityError, "a dataset is defined twice in one document"},
		{RuleUnreachablePath, SeverityError, "nothing is at the path of a dataset (only where asked for)"},
		{RuleEmptyDocument, SeverityWarning, "there is nothing in the document; an error where it held datasets before"},
		{RuleUnknownField, SeverityWarning, "a field is not known; it is kept as an extra field"},
		{RuleNestedDataset, SeverityWarning, "something that looks like a dataset stands inside another one"},
		{RuleOverridesOther, SeverityWarning, "a dataset overrides one of another file"},
		{RuleLegacyForm, SeverityWarning, "an older form is read that convert would bring up to date"},
		{RuleCasingConflict, SeverityWarning, "a field is given in both casings, with different values"},
		{RuleDeprecatedInUse, SeverityWarning, "a dataset is to be replaced by one that is deprecated itself"},
		{RuleReplacedByMissing, SeverityWarning, "replaced_by names a dataset that there is not"},
		{RuleViewerCannotShow, SeverityWarning, "the public neuron viewer cannot show the dataset (only where asked for)"},
		{RuleAzurePath, SeverityHint, "an az:// path also has an https form, which browsers can read"},
	}
}
