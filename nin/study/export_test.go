package study

// Markdown returns the report, for tests.
func (r Findings) Markdown() string { return r.markdown() }
