"""What five popular guides claim about fine-tuning hardware, computed with gpuplan's own models."""
