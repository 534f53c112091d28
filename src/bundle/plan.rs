//! The plan of a sweep as JSON: which cells it asks for, and which runs and tasks answer them.

use serde_json::{Map, Value, json};

use crate::exchange::Run;
use crate::grid::Sweep;
use crate::id::StoreId;
use crate::plan::Plan;

/// Grids with their cells, and the runs with parameters and tasks.
#[must_use]
pub fn plan(store: StoreId, sweep: &Sweep, plan: &Plan, runs: &[Run<'_>]) -> Value {
    let grids = sweep.grids.iter().zip(&plan.grids).map(|(grid, planned)| {
        let cell = |cell: &crate::plan::Cell| {
            json!({"cell": grid.cell_name(cell), "seed": cell.seed, "run": plan.runs[cell.run.0 as usize].to_string()})
        };
        json!({"grid": grid.name, "title": grid.title, "cells": planned.cells.iter().map(cell).collect::<Vec<_>>()})
    });
    let runs = runs.iter().map(|run| {
        let parameters: Map<String, Value> =
            run.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.to_json())).collect();
        let tasks: Map<String, Value> =
            run.tasks.iter().map(|(stage, task)| ((*stage).to_owned(), task.to_string().into())).collect();
        json!({"run": run.id.to_string(), "parameters": parameters, "tasks": tasks})
    });
    json!({
        "schema_version": 1,
        "store": store.to_string(),
        "sweep": sweep.name,
        "digest": sweep.digest.to_string(),
        "grids": grids.collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(),
    })
}
