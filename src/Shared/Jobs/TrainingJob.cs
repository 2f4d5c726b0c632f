using DistSgd.Learning.Batches;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;

namespace DistSgd.Shared.Jobs;

/// <summary>A named block of keys in the job's flat key space.</summary>
/// <param name="Name">Unique in the job.</param>
/// <param name="Keys">Its keys.</param>
/// <param name="Regularized">False for biases.</param>
public sealed record ParameterTable(string Name, KeyRange Keys, bool Regularized)
{
    /// <summary>True for running statistics: what a gradient push holds for them is added as it is.</summary>
    public bool IsAveraged { get; init; }
}

/// <summary>All that servers and workers must agree on about one job. Immutable; any thread.</summary>
public sealed record TrainingJob
{
    /// <summary>Unique on the job's servers.</summary>
    public required string Name { get; init; }

    /// <summary>Model and loss.</summary>
    public required ModelSpec Model { get; init; }

    /// <summary>How gradients become differences.</summary>
    public required UpdateRule Rule { get; init; }

    /// <summary>Features of the data, one key each; the keys of biases follow.</summary>
    public required long Features { get; init; }

    /// <summary>True: keys are exchanged as lists, regularised lazily. False: whole ranges, regularised at each push.</summary>
    public bool Sparse { get; init; }

    /// <summary>Passes over the data; at least 1.</summary>
    public required int Epochs { get; init; }

    /// <summary>Epochs that were done before, by a training that this one continues; below <see cref="Epochs"/>, which counts them too.</summary>
    public int EpochsBefore { get; init; }

    /// <summary>Steps of all workers that were done before.</summary>
    public long StepsBefore { get; init; }

    /// <summary>Most steps of all workers together, at least one each; 0: no bound but the epochs.</summary>
    public long StepsMax { get; init; }

    /// <summary>Seconds after which each worker ends behind the block under way; 0: no bound.</summary>
    public double SecondsMax { get; init; }

    /// <summary>Rows in a mini-batch; at least 1.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Mini-batches stepped on a replica between two pushes; 0: each mini-batch's gradient is pushed.</summary>
    public int LocalSteps { get; init; }

    /// <summary>Exchanges under way while the worker computes: 0 or 1.</summary>
    public int Prefetch { get; init; }

    /// <summary>
    /// Factor on a worker's differences of values before it pushes them, in (0, 1]: what many workers add up must not overshoot. Their
    /// learning rate, and with it the time by which the regulariser ages the shards, is scaled to match.
    /// </summary>
    public float MergeScale { get; init; } = 1;

    /// <summary>The part of the learning rate at which a lone bias moves in local steps of SGD, in (0, 1]: every row moves it, but only the rows that hold a feature move that.</summary>
    public float BiasShare { get; init; } = 1;

    /// <summary>Radius of the ball that regularised parameters are projected onto after each block's steps; 0: none. Needs whole ranges.</summary>
    public float MaxNorm { get; init; }

    /// <summary>E of SVRG: a full gradient at a snapshot before every so many epochs of steps; it is an epoch itself. 0: plain steps.</summary>
    public int SnapshotEvery { get; init; }

    /// <summary>The first of the job's steps, counted from 1, whose push counts in the parameters' averages, which are then the model; 0: the last parameters are.</summary>
    public long AverageFrom { get; init; }

    /// <summary>Rows that are trained on, of all partitions; 0: not known.</summary>
    public long RowCount { get; init; }

    /// <summary>Bounds on the gradients that workers push.</summary>
    public GradientClip Clip { get; init; } = GradientClip.None;

    /// <summary>How a worker's pushes are meant.</summary>
    public PushKind PushKind => LocalSteps > 0 ? PushKind.Delta : Rule.DelayCompensation > 0 ? PushKind.GradientAtPoint : PushKind.Gradient;

    /// <summary>How columns are scaled before training; null: not.</summary>
    public FeatureScaling? Scaling { get; init; }

    /// <summary>What rows count; null: 1 each.</summary>
    public RowWeighting? Weighting { get; init; }

    /// <summary>What is done with each row before anything else.</summary>
    public RowPreprocessing Preprocessing { get; init; } = RowPreprocessing.None;

    /// <summary>In which order a worker visits its rows.</summary>
    public RowOrderKind Order { get; init; }

    /// <summary>Whether workers gather each block anew from their data, so that memory holds a few of them only.</summary>
    public bool Streams { get; init; }

    /// <summary>Rows that are not trained on; null: none.</summary>
    public HoldOut? HeldOut { get; init; }
    /// <summary>How the targets of a network are scaled before training; null: not.</summary>
    public TargetScaling? Targets { get; init; }

    /// <summary>How training images are changed at random; null: not.</summary>
    public ImageAugmentation? Augmentation { get; init; }

    /// <summary>Seed of every order and draw.</summary>
    public ulong Seed { get; init; }

    /// <summary>The data is cut into this many partitions, one worker each.</summary>
    public int Partitions { get; init; } = 1;

    /// <summary>The data set, for jobs whose workers read it themselves; null for embedded jobs.</summary>
    public JobData? Data { get; init; }

    /// <summary>The key of the bias.</summary>
    public long BiasKey => Features;

    /// <summary>The parameters' places.</summary>
    public ParameterLayout Layout => OwnLayout ?? Model.Layout(Features);

    /// <summary>The places of a job of tables only, which no worker trains; null: the model's.</summary>
    public ParameterLayout? OwnLayout { get; init; }

    /// <summary>All keys.</summary>
    public long KeyCount => Layout.KeyCount;

    /// <summary>Keys behind those of the features: part of every row.</summary>
    public int TailKeys => checked((int)(KeyCount - Features));

    /// <summary>Floats of a key on the wire in <see cref="Exchange.PullPart.Values"/> and GRADIENT pushes, k.</summary>
    public int Width => OwnLayout?.Width ?? Model.Width;

    /// <summary>Floats of one parameter in an entry: its value and its optimizer state, with SVRG the full gradient.</summary>
    public int Stride => 1 + Rule.Form.Kernel(Sparse).Slots + (SnapshotEvery > 0 ? 1 : 0);

    /// <summary>Floats of a key on the wire in <see cref="Exchange.PullPart.Entries"/> and DELTA pushes: k times value and optimizer state.</summary>
    public int EntryFloats => Width * Stride;

    /// <summary>Floats of a key in what is pushed and pulled; its state holds, beside the entry, the values of SVRG's snapshot, or the averages and how many pushes are in them.</summary>
    public KeyFloats KeyFloats => new(Width, EntryFloats, EntryFloats + (SnapshotEvery > 0 ? Width : AverageFrom > 0 ? Width + 1 : 0));

    /// <summary>Rows between two pushes.</summary>
    public int RowsPerBlock => checked(Batch * Math.Max(1, LocalSteps));

    /// <summary>Most steps of one partition's worker: its share of <see cref="StepsMax"/>.</summary>
    /// <param name="partition">From 0.</param>
    public long StepsMaxOf(int partition) => StepsMax == 0 ? long.MaxValue : StepsMax / Partitions + (partition < StepsMax % Partitions ? 1 : 0);

    /// <summary>True if an epoch takes no steps but computes the full gradient.</summary>
    /// <param name="epoch">From 0.</param>
    public bool IsSnapshot(int epoch) => SnapshotEvery > 0 && epoch % (SnapshotEvery + 1) == 0;

    /// <summary>The tables in key order.</summary>
    public IReadOnlyList<ParameterTable> Tables =>
        [.. Layout.Tables.Select(table => new ParameterTable(table.Name, new KeyRange(table.FirstKey, table.KeyCount), table.Regularized) { IsAveraged = table.IsAveraged })];
}

/// <summary>Which data a job trains on, as the leader saw it.</summary>
/// <param name="Path">Where it lies on the leader's machine.</param>
/// <param name="Bytes">Its (decompressed) length.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="IndexBase">Its lowest feature index, 0 or 1.</param>
/// <param name="NegativeLabel">The label that means −1 (classification).</param>
/// <param name="PositiveLabel">The label that means +1 (classification).</param>
public sealed record JobData(string Path, long Bytes, long Rows, int IndexBase, double NegativeLabel, double PositiveLabel)
{
    /// <summary>Length of the file as stored, compressed or not; 0: not known.</summary>
    public long StoredBytes { get; init; }

    /// <summary>The file's checksum of samples (<c>DataFingerprint</c>).</summary>
    public uint Sample { get; init; }

    /// <summary>The file with the rows' weights, at the same place on every machine; null: none.</summary>
    public string? Weights { get; init; }

    /// <summary>How the columns of separated text become features; null: the file is none.</summary>
    public CsvLayout? Layout { get; init; }

    /// <summary>The labels of classes 0, 1, …, ascending; empty where labels are no class numbers.</summary>
    public IReadOnlyList<float> ClassLabels { get; init; } = [];

    /// <summary>Rows of each partition, as the leader counted them; empty: not known.</summary>
    public IReadOnlyList<long> PartitionRows { get; init; } = [];
}
