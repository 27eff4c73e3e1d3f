"""The page that a person looks at, made while the study's images are at hand."""
