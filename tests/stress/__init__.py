"""Random runs of random pipelines, each from one seed: `make stress`."""
