namespace DistSgd.Learning.Data;

/// <summary>
/// What a row counts in training: its own weight times its class's, times a scale that makes the mean over the training data 1, so that weights change what counts more and not how far a step goes.
/// A row of weight 2 then pulls as two rows do. Rows of weight 0 are left out before training (<see cref="RowSelection"/>). Immutable; any thread.
/// </summary>
/// <param name="ClassWeights">One a class, in the order of learning (two classes: −1, +1); empty: each counts 1.</param>
/// <param name="Scale">Makes the mean 1; positive.</param>
public sealed record RowWeighting(IReadOnlyList<float> ClassWeights, float Scale)
{
    /// <summary>What a row counts.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="row">From 0.</param>
    public float Of(Dataset data, LabelMap labels, long row) => (float)(Raw(data, labels, row) * Scale);

    /// <summary>The weighting of a training set whose weights have any mean.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="labels">The labels' mapping.</param>
    /// <param name="classWeights">As <see cref="ClassWeights"/>.</param>
    /// <returns>Null: each row counts 1.</returns>
    public static RowWeighting? Fit(Dataset data, LabelMap labels, IReadOnlyList<float> classWeights)
    {
        if (data.Weights.IsEmpty && classWeights.Count == 0) return null;
        var raw = new RowWeighting(classWeights, 1);
        double sum = 0;
        for (long row = 0; row < data.RowCount; row++) sum += raw.Raw(data, labels, row);
        return raw with { Scale = (float)(data.RowCount / sum) };
    }

    /// <inheritdoc/>
    public bool Equals(RowWeighting? other) => other is not null && Scale == other.Scale && ClassWeights.SequenceEqual(other.ClassWeights);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Scale, ClassWeights.Count);

    private double Raw(Dataset data, LabelMap labels, long row)
    {
        double weight = data.Weights.IsEmpty ? 1 : data.Weights[(int)row];
        if (ClassWeights.Count == 0) return weight;
        float label = labels.ToLearning(data.Label(row), row);
        return weight * ClassWeights[labels.IsBinary ? (label > 0 ? 1 : 0) : (int)label];
    }
}
