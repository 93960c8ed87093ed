// SPDX-License-Identifier: Apache-2.0

// Package sqlitesink is a plugin that writes and reads a table "airports" in an SQLite database. The database engine is
// compiled in, without cgo.
package sqlitesink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/plugreg/plugreg"
	"github.com/plugreg/plugreg/examples/export/sink"
	"github.com/plugreg/plugreg/examples/quickstart/airport"
)

type settings struct {
	Path string `json:"path" plugreg:"required"`
	// BatchRows is the number of rows that are committed together.
	BatchRows int `json:"batch_rows"`
	// PageBytes is the size of the database's pages, a power of two from 512 to 65,536.
	PageBytes int `json:"page_bytes"`
}

var _ sink.Importer = (*database)(nil)

type database struct {
	cfg    settings
	db     *sql.DB
	insert *sql.Stmt // nil before the first Export
}

// Plugin returns the plugin to register.
func Plugin() plugreg.Plugin[sink.Exporter] {
	return plugreg.Configured(plugreg.Plugin[sink.Exporter]{
		Name: "sqlite", Version: "1.0.0", Summary: "SQLite by modernc.org/sqlite",
		Prototype: (*database)(nil),
	}, settings{BatchRows: 1000, PageBytes: 4096}, open)
}

func open(_ context.Context, env *plugreg.Env, cfg settings) (sink.Exporter, error) {
	switch {
	case strings.Contains(cfg.Path, "?"): // the driver would take what follows for options
		return nil, fmt.Errorf("setting %q: want a path without question mark, have %q", "path", cfg.Path)
	case cfg.BatchRows <= 0:
		return nil, fmt.Errorf("setting %q: want 1 or more, have %d", "batch_rows", cfg.BatchRows)
	case cfg.PageBytes < 512 || cfg.PageBytes > 65536 || cfg.PageBytes&(cfg.PageBytes-1) != 0:
		return nil, fmt.Errorf("setting %q: want a power of two from 512 to 65536, have %d", "page_bytes", cfg.PageBytes)
	}
	db, err := sql.Open("sqlite", cfg.Path) // which opens nothing yet
	if err != nil {
		return nil, err
	}
	env.OnClose(db.Close)
	db.SetMaxOpenConns(1) // pragmas and statements belong to a connection
	return &database{cfg: cfg, db: db}, nil
}

func (d *database) Supports(format string) bool { return format == "sqlite" }

func (d *database) Export(ctx context.Context, rows []airport.Airport) error {
	if d.insert == nil {
		if err := d.create(ctx); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(rows, d.cfg.BatchRows) {
		if err := d.commit(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// create makes an empty table. An export that fails is begun anew, so nothing is lost without a journal.
func (d *database) create(ctx context.Context) (err error) {
	for _, statement := range []string{
		fmt.Sprintf("PRAGMA page_size = %d", d.cfg.PageBytes), "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
		"DROP TABLE IF EXISTS airports",
		`CREATE TABLE airports (iata TEXT NOT NULL, name TEXT NOT NULL, city TEXT NOT NULL, state TEXT NOT NULL,
			country TEXT NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL)`,
	} {
		if _, err := d.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	d.insert, err = d.db.PrepareContext(ctx, "INSERT INTO airports VALUES (?, ?, ?, ?, ?, ?, ?)")
	return err
}

// commit inserts rows in one transaction.
func (d *database) commit(ctx context.Context, rows []airport.Airport) (err error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	insert := tx.StmtContext(ctx, d.insert)
	for _, a := range rows {
		if _, err := insert.ExecContext(ctx, a.IATA, a.Name, a.City, a.State, a.Country, a.Latitude, a.Longitude); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (d *database) Import(ctx context.Context) (rows []airport.Airport, err error) {
	found, err := d.db.QueryContext(ctx, "SELECT iata, name, city, state, country, latitude, longitude FROM airports ORDER BY rowid")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var a airport.Airport
		if err := found.Scan(&a.IATA, &a.Name, &a.City, &a.State, &a.Country, &a.Latitude, &a.Longitude); err != nil {
			return nil, err
		}
		rows = append(rows, a)
	}
	return rows, found.Err()
}

func (d *database) Close() error {
	if d.insert == nil {
		return nil
	}
	return d.insert.Close()
}
