package conformance

// Behaviour names one promise of the contract: an area and what it promises there. Joined by a
// slash they are what Harness.Only and Harness.Skip take.
type Behaviour struct {
	Area string // "Events/Save"
	Name string // "KeepsEveryField"

	// Outside tells that it needs data that is not in the repository, and skips without it.
	Outside bool
}

// Behaviours returns all that [Run] checks, in its order.
func Behaviours() []Behaviour {
	var all []Behaviour
	for _, a := range areas {
		for _, b := range a.behaviours {
			all = append(all, Behaviour{a.name, b.name, a.outside})
		}
	}
	return all
}
