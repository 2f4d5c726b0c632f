using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Trainer;

/// <summary>What a training learns from and what it is measured on: the data given, or, where rows are held out, have weight 0, or are preprocessed, copies of its rows.</summary>
internal sealed class TrainingSet : IDisposable
{
    private readonly Dataset?[] _copies;

    private TrainingSet(Dataset train, Dataset? test, params Dataset?[] copies)
    {
        Train = train;
        Test = test;
        _copies = copies;
    }

    /// <summary>The rows that are learned from.</summary>
    public Dataset Train { get; }

    /// <summary>The rows that are measured on; null: none.</summary>
    public Dataset? Test { get; }

    /// <exception cref="TrainingException">No row is left on one side.</exception>
    public static TrainingSet Of(Dataset data, TrainingOptions options, CancellationToken cancellationToken)
    {
        TrainingSet chosen = Chosen(data, options);
        RowPreprocessing steps = RowSteps.Fit(chosen.Train, options, cancellationToken);
        if (steps.IsNone)
            return chosen;
        Dataset train = steps.Apply(chosen.Train, cancellationToken);
        Dataset? test = chosen.Test is null ? null : steps.Apply(chosen.Test, cancellationToken);
        chosen.Dispose();
        return new TrainingSet(train, test, train, test);
    }

    private static TrainingSet Chosen(Dataset data, TrainingOptions options)
    {
        RowRange[] all = [new RowRange(0, data.RowCount)];
        RowRange[] trained = RowSelection.Trained(data, all, options.HeldOut, options.Seed);
        if (trained == all)
            return new TrainingSet(data, options.Test);
        if (trained.Length == 0)
            throw new TrainingException(options.HeldOut is null ? "All rows have weight 0; expected some that count." : "All rows are held out; hold out less, or give more rows.");
        if (options.HeldOut is not { } heldOut)
        {
            Dataset counted = RowSelection.Copy(data, trained);
            return new TrainingSet(counted, options.Test, counted);
        }
        RowRange[] held = RowSelection.Where(all, row => heldOut.Holds(options.Seed, data, row));
        if (held.Length == 0)
            throw new TrainingException($"Of {Plural.Of(data.RowCount, "row")} none is held out; hold out more of them, or give more rows.");
        // A model that training begins from keeps its means.
        (Dataset train, Dataset test) = options.Init is null ? RowSelection.Split(data, trained, held) : (RowSelection.Copy(data, trained), RowSelection.Copy(data, held));
        return new TrainingSet(train, test, train, test);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Dataset? copy in _copies)
            copy?.Dispose();
    }
}
