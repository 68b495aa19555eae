"""predictions.csv in, numbers with intervals out; numpy and scikit-learn only, works on any framework's predictions."""
