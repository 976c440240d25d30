package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// peers is what another command measured of other libraries beside this one.
type peers struct {
	Backend string            `json:"backend"`
	Version string            `json:"version"` // of the database
	Peers   map[string]string `json:"peers"`   // their versions
	Results []peerResult      `json:"results"`
}

type peerResult struct {
	Peer      string    `json:"peer"`
	Path      string    `json:"path"` // what was done
	PerSecond float64   `json:"per_second"`
	Spread    float64   `json:"spread"` // as in a report
	Runs      []float64 `json:"per_second_all"`
}

// bounds returns the lowest and the highest rate. If there is the spread only, it is taken to be on both sides alike.
func (r *peerResult) bounds() (lowest, highest float64) {
	if len(r.Runs) > 0 {
		return slices.Min(r.Runs), slices.Max(r.Runs)
	}
	around := r.Spread * r.PerSecond / 2
	return max(0, r.PerSecond-around), r.PerSecond + around
}

// readPeers reads the file at path; nil if path is empty.
func readPeers(path string) (*peers, error) {
	if path == "" {
		return nil, nil
	}
	p := new(peers)
	return p, readJSON(path, "a report about peers", p, p.check)
}

func (p *peers) check() error {
	if len(p.Results) == 0 {
		return errors.New("it has no results")
	}
	for i, r := range p.Results {
		switch {
		case r.Peer == "" || r.Path == "":
			return fmt.Errorf("result %d lacks its peer or its path", i+1)
		case !isFigure(r.PerSecond) || !isFigure(r.Spread) || slices.ContainsFunc(r.Runs, func(x float64) bool { return !isFigure(x) }):
			return fmt.Errorf("result %d, %s %s, has a figure that can't be", i+1, r.Peer, r.Path)
		}
	}
	return nil
}

// ours is the peer that this library is.
const ours = "neoevents"

// besidePeers has a chart for each path.
func besidePeers(p *peers) section {
	if p == nil {
		return section{}
	}
	s := section{Title: "Beside peers", About: "The same work by other libraries, each chart by a scale of its own. Whiskers reach from the slowest to the fastest repetition."}
	if on := cmp.Or(p.Version, p.Backend); on != "" {
		s.About += " On " + on + "."
	}
	for i, name := range slices.Sorted(maps.Keys(p.Peers)) {
		separator := "; "
		if i == 0 {
			separator = " Versions: "
		}
		s.About += separator + name + " " + p.Peers[name]
	}
	var paths []string
	for _, r := range p.Results {
		if !slices.Contains(paths, r.Path) {
			paths = append(paths, r.Path)
		}
	}
	for _, path := range paths {
		var all []bar
		for _, r := range p.Results {
			if r.Path != path {
				continue
			}
			class := "peer"
			if r.Peer == ours {
				class = "s0"
			}
			low, high := r.bounds()
			all = append(all, bar{name: r.Peer, value: r.PerSecond, low: low, high: high, class: class, details: []string{percent(r.Spread)}})
		}
		c := chart{Title: path, About: "Bars from 0: " + summary(all), Columns: []string{"peer", "events/s", "spread"}}
		s.Charts = append(s.Charts, bars(c, rates, all))
	}
	return s
}
