"""What every figure stands on: style and words, text and axes placed in inches, event markers."""
