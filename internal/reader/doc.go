// SPDX-License-Identifier: Apache-2.0

// Package reader fills Go values from two sources: maps of settings, over defaults, and payloads of JSON, from zero.
//
// Invariant: reading is all or nothing. It returns an error, and then neither dst nor anything that dst refers to has
// changed; or every key of the source has been used or accounted for, and then nothing that dst refers to was changed
// in place, so that several readers may share one set of defaults.
//
// What a struct takes, which keys it lacks, has twice or does not know, and what its tags say, is one piece of code for
// both sources; so are numbers, keys of maps, faults and their paths. Nothing is kept between calls: a [Plan] holds all
// it needs.
//
// # Keys
//
// A field's key is its encoding/json wire name: the name in the json tag, else the field's. Case counts. Embedded
// structs without a name of their own are inlined, and one name at two places is settled, as there. Not settable, hence
// unknown: unexported fields, `json:"-"`, and what an embedded pointer to an unexported struct holds; PlanOf refuses
// the last, for encoding/json would write it.
//
// The tag plugreg has the grammar of package tag. `required`: the key must be given, whatever the defaults hold.
// `default=5`: the value of a field that is zero and whose key is missing. `alias=old`: another key for the field. A
// malformed tag is an error. Tags of fields without a key are not read. A key twice, or two keys of one field, are a
// fault. A missing struct is one whose keys are all missing, a missing pointer stays as it is, and what is behind a nil
// embedded pointer lacks nothing.
//
// # Settings
//
// Unknown keys are faults. Keys that are given replace, others keep the default: in structs, in maps, in maps of
// structs, and behind pointers, which are allocated anew. Lists replace, and so does a value of exactly the field's
// type, a map or list in an interface, and a type that decodes itself, which starts from zero: what it holds could not
// be copied safely. Maps and lists of src are stored as copies; structs, pointers and functions as they are.
//
//   - bool and string: their kind, named or not. A json.Number is a number.
//   - integers: any whole number within range, from any Go number or json.Number, also 5.0 and 5e3; never rounded.
//   - floats: any number within range, rounded to the nearest.
//   - time.Duration: a string such as "5s". Numbers are refused, for nobody knows their unit.
//   - lists: any slice or array; arrays take exactly their length. Bytes also take base64 in a string, as encoding/json
//     writes it.
//   - maps: keys are strings, integers or encoding.TextUnmarshaler, in src as such or as strings.
//   - json.Unmarshaler gets the value as JSON. encoding.TextUnmarshaler gets a string; where a type is both, a string
//     that it refuses as JSON. Their panics are errors. The type of dst itself is always decoded by its fields.
//   - nil: sets pointers, maps, slices and interfaces to nil, is JSON's null to a json.Unmarshaler, else is an error. A
//     typed nil map is an empty one.
//   - the option `json:",string"` also takes the value as a string that holds JSON.
//   - anything else: a value that is assignable, or of the same kind and convertible.
//
// Values may be nested 100 deep and hold 65,536 maps and lists, counted along every way to them, so that one that
// contains itself is an error rather than an endless loop.
//
// # Payloads
//
// Values are what encoding/json makes of them, but nothing is lost on the way. Faults are: numbers out of range,
// fractions for integers, strings that are no Unicode, lists that do not fill an array, null for what cannot be nil, a
// key twice in any object, also where the value is dropped, and a value for an interface with methods. Beyond
// encoding/json, integers take whole numbers however they are written, such as 5.0 and 5e3. A json.Unmarshaler gets the
// bytes as they are, encoding.TextUnmarshaler strings only, and the option `json:",string"` means nothing for either.
// time.Duration is in nanoseconds. Unknown keys are dropped with an Adjustment, or are faults where the plan is closed.
// Where it is complete, a key is required of each field that Append always writes.
//
// A document has at most 16 MiB, 100 levels of objects and lists, and 1,000,000 values. The first 1,000 faults are
// listed, the others are counted.
package reader
