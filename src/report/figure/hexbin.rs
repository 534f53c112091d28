//! Many points as hexagons.
