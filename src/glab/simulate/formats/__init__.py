"""Writers of native files, one a format."""
