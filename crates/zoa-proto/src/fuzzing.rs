//! Entry points of the fuzz targets, beside the code they exercise.
