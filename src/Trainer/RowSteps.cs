using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer;

/// <summary>From options to what is done with each row, fitted on the training data.</summary>
internal static class RowSteps
{
    /// <exception cref="TrainingException">Options that make no sense for this data.</exception>
    public static RowPreprocessing Fit(Dataset data, TrainingOptions options, CancellationToken cancellationToken)
    {
        if (options.Init is { } init)
            return init.Preprocessing;
        if (options.HashBits is { } bits && data.Layout is not null)
            throw new TrainingException($"--hash-bits {bits} is given for features that are columns; categories are hashed when the file is read (ReadOptions.Csv).");
        var steps = new RowPreprocessing { HashBits = options.HashBits ?? 0, HashSeed = options.HashBits is null ? 0 : options.Seed, Normalizes = options.NormalizeRows };
        if (options.Whiten is not { } components)
            return steps;
        if (data.FeatureCount > Whitening.FeaturesMax || data.RowCount < 2)
            throw new TrainingException($"--whiten {components} is for at least 2 rows of at most {Whitening.FeaturesMax:N0} features; the data has {Plural.Of(data.RowCount, "row")} and {Plural.Of(data.FeatureCount, "feature")}.");
        return RowPreprocessing.Whitened(steps, data, components, cancellationToken);
    }
}
