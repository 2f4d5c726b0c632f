using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using Google.Protobuf;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Jobs;

/// <summary>Between <see cref="TrainingJob"/> and its message. What comes from the wire is checked.</summary>
public static class JobConversion
{
    /// <summary>As a message.</summary>
    /// <param name="job">The job.</param>
    public static V1.JobSpec ToMessage(this TrainingJob job)
    {
        var spec = new V1.JobSpec
        {
            Job = job.Name,
            Model = (V1.ModelKind)(job.Model.Kind + 1),
            Loss = (V1.LossKind)(job.Model.Loss + 1),
            Outputs = (uint)job.Model.Outputs,
            HuberDelta = job.Model.HuberDelta,
            Margin = job.Model.Margin,
            ClassCosts = ByteString.CopyFrom(MemoryMarshal.AsBytes(job.Model.Costs.Span)),
            Rule = job.Rule.ToMessage(),
            Sparse = job.Sparse,
            Epochs = (uint)job.Epochs,
            Batch = (uint)job.Batch,
            LocalSteps = (uint)job.LocalSteps,
            Prefetch = (uint)job.Prefetch,
            Seed = job.Seed,
            Partitions = (uint)job.Partitions,
            Features = (ulong)job.Features,
            MergeScale = job.MergeScale,
            BiasShare = job.BiasShare,
            MaxNorm = job.MaxNorm,
            EpochsBefore = (uint)job.EpochsBefore,
            StepsBefore = (ulong)job.StepsBefore,
            StepsMax = (ulong)job.StepsMax,
            SecondsMax = job.SecondsMax,
            SnapshotEvery = (uint)job.SnapshotEvery,
            RowCount = (ulong)job.RowCount,
            AverageFrom = (ulong)job.AverageFrom,
            Network = NetworkConversion.ToMessage(job.Model.Network),
            TargetMean = job.Targets?.Mean ?? 0,
            TargetDeviation = job.Targets?.Deviation ?? 0,
            Augmentation = NetworkConversion.ToMessage(job.Augmentation),
            ClipValue = job.Clip.Value,
            ClipNorm = job.Clip.Norm,
        };
        AddRows(spec, job);
        spec.Tables.Add(job.Tables.Select(table => new V1.Table
        {
            Name = table.Name,
            FirstKey = (ulong)table.Keys.First,
            Count = (ulong)table.Keys.Count,
            Regularized = table.Regularized,
        }));
        if (job.Data is { } data)
        {
            (spec.Data, spec.DataBytes, spec.DataRows) = (data.Path, (ulong)data.Bytes, (ulong)data.Rows);
            (spec.IndexBase, spec.NegativeLabel, spec.PositiveLabel) = ((uint)data.IndexBase, data.NegativeLabel, data.PositiveLabel);
            (spec.DataStoredBytes, spec.DataSample) = ((ulong)data.StoredBytes, data.Sample);
            spec.ClassLabels.Add(data.ClassLabels);
            spec.DataWeights = data.Weights ?? "";
            spec.DataColumns = data.Layout is null ? "" : CsvLayoutText.Write(data.Layout);
            spec.PartitionRows.Add(data.PartitionRows.Select(rows => (ulong)rows));
        }
        return spec;
    }

    // What becomes of the rows before and while they are trained.
    private static void AddRows(V1.JobSpec spec, TrainingJob job)
    {
        if (job.Scaling is { } scaling)
        {
            spec.ColumnMeans = ByteString.CopyFrom(MemoryMarshal.AsBytes(scaling.Means));
            spec.ColumnInverseScales = ByteString.CopyFrom(MemoryMarshal.AsBytes(scaling.InverseScales));
        }
        if (!job.Preprocessing.IsNone)
            spec.Preprocessing = PreprocessingConversion.ToMessage(job.Preprocessing);
        (spec.Order, spec.Streams) = ((V1.RowOrder)job.Order, job.Streams);
        if (job.Weighting is { } weighting)
        {
            spec.WeightScale = weighting.Scale;
            spec.ClassWeights.Add(weighting.ClassWeights);
        }
        if (job.HeldOut is { } heldOut)
            (spec.HeldOutFrom, spec.HeldOutTo) = (heldOut.From, heldOut.To);
    }

    /// <summary>From a message.</summary>
    /// <param name="spec">The message.</param>
    /// <exception cref="ArgumentException">A field is missing or out of range; the message names it.</exception>
    public static TrainingJob ToJob(this V1.JobSpec? spec)
    {
        Require(spec is not null, "spec must be set");
        if (TableJob.Is(spec))
            return TableJob.Complete(spec).ToJob() with { OwnLayout = TableJob.Layout(spec) };
        Require(IsName(spec.Job), "job must be a name of 1 to 256 characters, none of them a control character");
        Require(spec.Rule?.Schedule is not null, "rule and its schedule must be set");
        Require(spec.Features is > 0 and < uint.MaxValue, "features must be from 1 to 2^32 - 2; a job of your own has tables instead");
        Require(spec.Epochs is > 0 and <= int.MaxValue && spec.Batch is > 0 and <= int.MaxValue, "epochs and batch must be at least 1");
        Require(spec.LocalSteps <= int.MaxValue && (ulong)spec.Batch * Math.Max(1, spec.LocalSteps) <= int.MaxValue, "batch times local_steps must be below 2^31");
        Require(spec.Partitions is > 0 and <= 1_000_000 && spec.Prefetch <= 1, "partitions must be from 1 to 1,000,000, prefetch 0 or 1");
        Require(float.IsFinite(spec.MergeScale) && spec.MergeScale is >= 0 and <= 1, "merge_scale must be from 0 to 1");
        Require(float.IsFinite(spec.BiasShare) && spec.BiasShare is >= 0 and <= 1, "bias_share must be from 0 to 1");
        Require(float.IsFinite(spec.MaxNorm) && spec.MaxNorm >= 0 && (spec.MaxNorm == 0 || !spec.Sparse), "max_norm must not be negative, and 0 where keys are exchanged as lists");
        Require(spec.StepsMax <= long.MaxValue && (spec.StepsMax == 0 || spec.StepsMax >= spec.Partitions), "steps_max must be 0, or at least one a partition");
        Require(spec.EpochsBefore < spec.Epochs && spec.StepsBefore <= long.MaxValue / 2, "epochs_before must be below epochs, and steps_before below 2^62");
        Require(spec.SnapshotEvery <= int.MaxValue && (spec.SnapshotEvery == 0 || (!spec.Sparse && spec.LocalSteps > 0 && spec.RowCount is > 0 and <= long.MaxValue && spec.Outputs <= 1)),
            "snapshot_every must be 0, or go with row_count, local_steps, whole ranges of keys and one score a row");
        Require(double.IsFinite(spec.SecondsMax) && spec.SecondsMax >= 0, "seconds_max must not be negative");
        Require(float.IsFinite(spec.ClipValue) && spec.ClipValue >= 0 && float.IsFinite(spec.ClipNorm) && spec.ClipNorm >= 0, "clip_value and clip_norm must not be negative");
        Require(spec.LocalSteps == 0 || spec is { ClipValue: 0, ClipNorm: 0 }, "clip_value and clip_norm bound gradients; they must be 0 with local_steps above 0");
        UpdateRule rule = RuleConversion.ToRule(spec.Rule!);
        Require(spec.LocalSteps == 0 || rule.Form.Facts.IsAdditive, $"local_steps must be 0 with the rule {rule.Form.Facts.Name}, which takes each mini-batch's gradient");
        return new TrainingJob
        {
            Name = spec.Job,
            Model = ToModel(spec),
            Rule = rule,
            Features = (long)spec.Features,
            Sparse = spec.Sparse,
            Epochs = (int)spec.Epochs,
            EpochsBefore = (int)spec.EpochsBefore,
            StepsBefore = (long)spec.StepsBefore,
            StepsMax = (long)spec.StepsMax,
            SecondsMax = spec.SecondsMax,
            SnapshotEvery = (int)spec.SnapshotEvery,
            RowCount = (long)Math.Min(spec.RowCount, long.MaxValue),
            AverageFrom = (long)Math.Min(spec.AverageFrom, long.MaxValue),
            Batch = (int)spec.Batch,
            LocalSteps = (int)spec.LocalSteps,
            Prefetch = (int)spec.Prefetch,
            Seed = spec.Seed,
            Partitions = (int)spec.Partitions,
            MaxNorm = spec.MaxNorm,
            Clip = new GradientClip(spec.ClipValue, spec.ClipNorm),
            MergeScale = spec.MergeScale == 0 ? 1 : spec.MergeScale,
            BiasShare = spec.BiasShare == 0 ? 1 : spec.BiasShare,
            Scaling = ToScaling(spec),
            Weighting = ToWeighting(spec),
            HeldOut = ToHoldOut(spec),
            Preprocessing = PreprocessingConversion.ToPreprocessing(spec.Preprocessing),
            Order = Known<RowOrderKind>((int)spec.Order, "order"),
            Streams = spec.Streams,
            Targets = NetworkConversion.ToTargets(spec),
            Augmentation = NetworkConversion.ToAugmentation(spec),
            Data = ToData(spec),
        };
    }

    /// <summary>As a message.</summary>
    /// <param name="placement">Where a shard lives.</param>
    public static V1.ShardPlacement ToMessage(this ShardPlacement placement) => new()
    {
        Shard = (uint)placement.Shard,
        FirstKey = (ulong)placement.Keys.First,
        Count = (ulong)placement.Keys.Count,
        Server = placement.Server,
    };

    /// <summary>From a message.</summary>
    /// <param name="placement">The message.</param>
    /// <param name="job">The job whose keys are placed.</param>
    /// <exception cref="ArgumentException">Keys outside the job.</exception>
    public static ShardPlacement ToPlacement(this V1.ShardPlacement placement, TrainingJob job)
    {
        Require(placement.Count > 0 && placement.Count <= (ulong)job.KeyCount && placement.FirstKey <= (ulong)job.KeyCount - placement.Count,
            $"shard {placement.Shard} must hold keys within [0, {job.KeyCount})");
        Require(placement.Shard <= int.MaxValue, "a shard's number must be below 2^31");
        return new ShardPlacement((int)placement.Shard, new KeyRange((long)placement.FirstKey, (long)placement.Count), placement.Server);
    }

    private static JobData? ToData(V1.JobSpec spec)
    {
        if (spec.Data.Length == 0)
            return null;
        Require(spec.PartitionRows.Count == 0 || (ulong)spec.PartitionRows.Count == spec.Partitions, "partition_rows must hold one number a partition");
        return new JobData(spec.Data, (long)spec.DataBytes, (long)spec.DataRows, (int)spec.IndexBase, spec.NegativeLabel, spec.PositiveLabel)
        {
            StoredBytes = (long)spec.DataStoredBytes,
            Sample = spec.DataSample,
            Weights = spec.DataWeights.Length == 0 ? null : spec.DataWeights,
            Layout = spec.DataColumns.Length == 0 ? null : CsvLayoutText.Read(spec.DataColumns),
            ClassLabels = spec.ClassLabels.Count == 0 ? [] : [.. spec.ClassLabels],
            PartitionRows = [.. spec.PartitionRows.Select(rows => (long)rows)],
        };
    }

    private static RowWeighting? ToWeighting(V1.JobSpec spec)
    {
        Require(float.IsFinite(spec.WeightScale) && spec.WeightScale >= 0, "weight_scale must not be negative");
        Require(spec.ClassWeights.All(weight => float.IsFinite(weight) && weight > 0), "class_weights must be positive");
        return spec.WeightScale == 0 ? null : new RowWeighting([.. spec.ClassWeights], spec.WeightScale);
    }

    private static HoldOut? ToHoldOut(V1.JobSpec spec)
    {
        Require(spec.HeldOutFrom is >= 0 and <= 1 && spec.HeldOutTo is >= 0 and <= 1 && spec.HeldOutFrom <= spec.HeldOutTo, "held_out_from and held_out_to must ascend from 0 to 1");
        return spec.HeldOutFrom == spec.HeldOutTo ? null : new HoldOut(spec.HeldOutFrom, spec.HeldOutTo);
    }

    private static ModelSpec ToModel(V1.JobSpec spec)
    {
        ModelKind kind = Known<ModelKind>((int)spec.Model - 1, "model");
        LossKind? loss = spec.Loss == V1.LossKind.Unspecified ? null : Known<LossKind>((int)spec.Loss - 1, "loss");
        Require(spec.Outputs <= ModelSpec.OutputsMax, $"outputs must be at most {ModelSpec.OutputsMax}");
        Require(float.IsFinite(spec.HuberDelta) && spec.HuberDelta >= 0, "huber_delta must not be negative");
        Require(float.IsFinite(spec.Margin) && spec.Margin >= 0, "margin must not be negative");
        ModelSpec model = ModelSpec.Of(kind, loss, (int)Math.Max(1, spec.Outputs)) with
        {
            HuberDelta = spec.HuberDelta == 0 ? 1 : spec.HuberDelta,
            Margin = spec.Margin == 0 ? 1 : spec.Margin,
            Network = NetworkConversion.ToNetwork(kind, spec.Network),
            Costs = spec.ClassCosts.IsEmpty ? CostMatrix.None : new CostMatrix(MemoryMarshal.Cast<byte, float>(spec.ClassCosts.Span).ToArray()),
        };
        Require(model.HasClassScores == model.Outputs > 1, "outputs must be the number of classes, at least 2, of a model that has several, else 1");
        Require(model.Costs.Classes == (model.Loss == LossKind.Tree ? model.Outputs : 0), "class_costs must hold a float for each pair of classes with the tree loss, else nothing");
        return model;
    }

    private static FeatureScaling? ToScaling(V1.JobSpec spec)
    {
        if (spec.ColumnMeans.IsEmpty && spec.ColumnInverseScales.IsEmpty)
            return null;
        ulong bytes = spec.Features * sizeof(float);
        Require((ulong)spec.ColumnMeans.Length == bytes && (ulong)spec.ColumnInverseScales.Length == bytes, "column_means and column_inverse_scales must hold one float a feature");
        float[] means = MemoryMarshal.Cast<byte, float>(spec.ColumnMeans.Span).ToArray();
        float[] inverse = MemoryMarshal.Cast<byte, float>(spec.ColumnInverseScales.Span).ToArray();
        Require(means.All(float.IsFinite) && inverse.All(float.IsFinite), "column_means and column_inverse_scales must be finite");
        return FeatureScaling.From(means, inverse);
    }

    internal static T Known<T>(int number, string field)
        where T : struct, Enum
    {
        T value = (T)Enum.ToObject(typeof(T), number);
        Require(Enum.IsDefined(value), $"{field} must be one of {string.Join(", ", Enum.GetNames<T>().Select(KindName.Of))}");
        return value;
    }

    /// <summary>True for what a job, a table or a worker may be called: 1 to 256 characters, none of them a control character.</summary>
    /// <param name="text">The name.</param>
    public static bool IsName(string text) => text.Length is > 0 and <= 256 && !text.Any(char.IsControl);

    internal static void Require([DoesNotReturnIf(false)] bool condition, string what)
    {
        if (!condition)
            throw new ArgumentException($"The job is malformed: {what}.");
    }
}
