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

    private readonly string? _temporary;

    private TrainingData(Dataset train, Dataset? test, string? path, string description, string? temporary = null)
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

    public static TrainingData Open(string path, string? test, IndexBase indexBase, CacheMode cache)
    {
        Dataset train = Dataset.Open(path, new LibsvmOptions { IndexBase = indexBase }, new CacheOptions { Mode = cache });
        try
        {
            // The test file is read as the training file was: with its lowest index, and unknown features left out and counted.
            var asTrained = new LibsvmOptions { IndexBase = train.IndexBase, ExpectedFeatures = (uint)Math.Max(1, train.FeatureCount) };
            return new TrainingData(train, test is null ? null : Dataset.Open(test, asTrained, new CacheOptions { Mode = cache }), path, path);
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    public static TrainingData Generate(long seed, bool asFile)
    {
        using var rows = new DatasetBuilder();
        using var testRows = new DatasetBuilder();
        // A folder of its own: what workers cache beside the file goes with it.
        string? folder = asFile ? Directory.CreateTempSubdirectory("distsgd-clicks-").FullName : null;
        string path = System.IO.Path.Combine(folder ?? "", "clicks.libsvm");
        GeneratedSet facts;
        using (FileStream? file = asFile ? File.Create(path) : null)
        using (LibsvmWriter? writer = file is null ? null : new LibsvmWriter(file))
            facts = new ClicksGenerator(GeneratedFeatures, seed).Generate(GeneratedRows + GeneratedTestRows, new Split((IRowSink?)writer ?? rows, testRows));
        string description = string.Create(CultureInfo.InvariantCulture,
            $"a generated click log (seed {seed}; --data FILE trains on yours); best reachable loss {facts.BestLoss:F4}, accuracy {facts.BestAccuracy:F4}");
        if (!asFile)
            return new TrainingData(rows.Build(), testRows.Build(), null, description);
        Dataset train = Dataset.Open(path, new LibsvmOptions { IndexBase = IndexBase.One }, new CacheOptions { Mode = CacheMode.Off });
        return new TrainingData(train, testRows.Build(), path, description, folder);
    }

    public void Dispose()
    {
        Train.Dispose();
        Test?.Dispose();
        if (_temporary is not null)
            Directory.Delete(_temporary, recursive: true);
    }

    // The first rows train, the rest test.
    private sealed class Split(IRowSink first, IRowSink rest) : IRowSink
    {
        private int _rows;

        public void Add(float label, ReadOnlySpan<uint> indices, ReadOnlySpan<float> values) =>
            (_rows++ < GeneratedRows ? first : rest).Add(label, indices, values);
    }
}
