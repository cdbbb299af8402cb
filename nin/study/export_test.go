package study

// Markdown is the report, for tests.
func (r Findings) Markdown() string { return r.markdown() }
