// SPDX-License-Identifier: Apache-2.0

package shape

import "strings"

// MapWords replaces the words of a type text: names, predeclared types and keywords. Of a generic type the whole is offered
// first, with its arguments, and its parts if the whole stays. What stands in quotes is left alone.
func MapWords(text string, replace func(string) string) string {
	var b strings.Builder
	for text != "" {
		word, whole := nextWord(text)
		if word == "" { // a delimiter, or a string
			word = whole
			b.WriteString(word)
		} else if is := replace(whole); is != whole || word == whole {
			word = whole
			b.WriteString(is)
		} else {
			b.WriteString(replace(word))
		}
		text = text[len(word):]
	}
	return b.String()
}

// nextWord cuts the first word off a type text; whole is the word with the type arguments behind it. Where there is no
// word, whole is what to pass over.
func nextWord(text string) (word, whole string) {
	n := strings.IndexAny(text, delimiters)
	switch {
	case strings.HasPrefix(text, "..."): // of a variadic parameter
		return "", text[:3]
	case n < 0:
		return text, text
	case n == 0 && text[0] == '"':
		return "", text[:QuotedLen(text)]
	case n == 0:
		return "", text[:1]
	case text[n] != '[' || text[:n] == "map":
		return text[:n], text[:n]
	}
	return text[:n], text[:n+BracketLen(text[n:])]
}
