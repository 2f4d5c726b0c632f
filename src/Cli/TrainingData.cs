using System.Globalization;
using DistSgd.Learning.Data;
using DistSgd.Learning.Generators;

namespace DistSgd.Cli;

/// <summary>The data of one training: files, or a generated set.</summary>
internal sealed class TrainingData : IDisposable
{
    private const int GeneratedRows = 200_000;
    private const int GeneratedTestRows = 50_000;
    private const int GeneratedFeatures = 2_000;

    private readonly IDisposable? _temporary;

    private TrainingData(Dataset train, Dataset? test, string? path, string description, IDisposable? temporary = null)
    {
        Train = train;
        Test = test;
        Path = path;
        Description = description;
        _temporary = temporary;
    }

    public Dataset Train { get; }

    public Dataset? Test { get; }

    /// <summary>The training file; null if the set is in memory only.</summary>
    public string? Path { get; }

    /// <summary>What it is, for people.</summary>
    public string Description { get; }

    /// <summary>Reads files.</summary>
    /// <param name="file">The training data; disposed with the set.</param>
    /// <param name="test">The test data; null: none.</param>
    /// <param name="options">How the training data is read.</param>
    /// <param name="cache">Whether caches are used.</param>
    /// <param name="hashed">Whether features are hashed, so that all of the test data's are known.</param>
    public static TrainingData Open(InputFile file, string? test, ReadOptions options, CacheMode cache, bool hashed)
    {
        var caching = new CacheOptions { Mode = cache };
        Dataset train = file.Read(path => Dataset.Open(path, options, file.IsCopy ? new CacheOptions { Mode = CacheMode.Off } : caching));
        try
        {
            // The test file is read as the training file was: with its columns, or its lowest index, and unknown features left out and counted.
            ReadOptions asTrained = train.Layout is { } layout
                ? new ReadOptions { Layout = layout, CancellationToken = options.CancellationToken }
                : new ReadOptions { IndexBase = train.IndexBase, ExpectedFeatures = hashed ? null : (uint)Math.Max(1, train.FeatureCount), CancellationToken = options.CancellationToken };
            return new TrainingData(train, test is null ? null : Dataset.Open(test, asTrained, caching), file.Path, file.Name, file);
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>Generates a click log.</summary>
    /// <param name="seed">Of the truth and the rows.</param>
    /// <param name="file">Takes the training rows, for workers to read, and is disposed with the set; null: they stay in memory.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static TrainingData Generate(long seed, TemporaryFile? file, CancellationToken cancellationToken)
    {
        using var rows = new DatasetBuilder();
        using var testRows = new DatasetBuilder();
        GeneratedSet facts;
        using (LibsvmWriter? writer = file is null ? null : new LibsvmWriter(file.Stream))
            facts = new ClicksGenerator(GeneratedFeatures, seed).Generate(GeneratedRows + GeneratedTestRows, new Split((IRowSink?)writer ?? rows, testRows), cancellationToken);
        string description = string.Create(CultureInfo.InvariantCulture,
            $"a generated click log (seed {seed}; --data FILE trains on yours); best reachable loss {facts.BestLoss:F4}, accuracy {facts.BestAccuracy:F4}");
        if (file is null)
            return new TrainingData(rows.Build(), testRows.Build(), null, description);
        file.Stream.Flush();
        Dataset train = Dataset.Open(file.Path, new ReadOptions { IndexBase = IndexBase.One }, new CacheOptions { Mode = CacheMode.Off });
        return new TrainingData(train, testRows.Build(), file.Path, description, file);
    }

    public void Dispose()
    {
        Train.Dispose();
        Test?.Dispose();
        _temporary?.Dispose();
    }

    // The first rows train, the rest test.
    private sealed class Split(IRowSink first, IRowSink rest) : IRowSink
    {
        private int _rows;

        public void Add(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values) =>
            (_rows++ < GeneratedRows ? first : rest).Add(label, indices, values);
    }
}
