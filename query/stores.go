package query

import "sync"

// Stores are the Stores of a DB, each made when it is first asked for. The zero value is ready to
// use, by many goroutines at once.
type Stores struct {
	mu       sync.Mutex
	bySchema map[string]*Store
}

// Get returns the schema's Store. If there is none yet it calls open; of several that do so at
// once, one result is kept.
func (s *Stores) Get(schema string, open func() (*Store, error)) (*Store, error) {
	if store := s.find(schema); store != nil {
		return store, nil
	}
	opened, err := open()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bySchema == nil {
		s.bySchema = map[string]*Store{}
	}
	if s.bySchema[schema] == nil {
		s.bySchema[schema] = opened
	}
	return s.bySchema[schema], nil
}

func (s *Stores) find(schema string) *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySchema[schema]
}

// Forget lets the next Get open the schema anew.
func (s *Stores) Forget(schema string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bySchema, schema)
}

// Len returns how many Stores there are.
func (s *Stores) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bySchema)
}
