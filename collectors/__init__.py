"""What comes in: one module a source, behind one small contract."""
