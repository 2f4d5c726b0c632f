using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Learning.Preprocessing;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using Google.Protobuf;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Tests;

public sealed class JobConversionTests
{
    [Fact]
    public void Job_ThereAndBack_IsTheSame()
    {
        foreach (ModelKind model in Enum.GetValues<ModelKind>())
        {
            foreach (ScheduleKind schedule in Enum.GetValues<ScheduleKind>())
            {
                foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
                {
                    TrainingJob job = Make() with { Model = ModelSpec.Of(model, null, ((ModelSpec)model).HasClassScores ? 5 : 1) with { Margin = 0.5f }, LocalSteps = UpdateRules.Of(optimizer).Facts.IsAdditive ? 5 : 0, Rule = Make().Rule with { Optimizer = optimizer, Schedule = new Schedule(schedule, 0.3, 0.01, 12345) } };
                    V1.JobSpec wire = V1.JobSpec.Parser.ParseFrom(job.ToMessage().ToByteArray());
                    TrainingJob back = wire.ToJob();
                    Assert.Equal(PartitionRows, back.Data!.PartitionRows);
                    Assert.Equal(job, back with { Data = back.Data with { PartitionRows = PartitionRows } });
                }
            }
        }
    }

    [Fact]
    public void Job_WithoutDataOrScaling_StaysWithout()
    {
        TrainingJob job = Make() with { Data = null, Scaling = null };
        Assert.Equal(job, job.ToMessage().ToJob());
        Assert.Null(job.ToMessage().ToJob().Data);
    }

    [Fact]
    public void Job_WithBoundsSnapshotsAndAverages_CarriesThem()
    {
        TrainingJob job = Make() with { Data = null, Model = ModelKind.Logistic, Sparse = false, LocalSteps = 8, StepsMax = 1234, SecondsMax = 0.5, SnapshotEvery = 2, RowCount = 77, AverageFrom = 9 };
        Assert.Equal(job, job.ToMessage().ToJob());
    }

    [Fact]
    public void Job_WithBoundsOnGradients_CarriesThem()
    {
        TrainingJob job = Make() with { Data = null, LocalSteps = 0, Clip = new GradientClip(1.5f, 2.5f) };
        Assert.Equal(job, job.ToMessage().ToJob());
    }

    [Fact]
    public void Job_WithScaling_CarriesEachColumnsBits()
    {
        float[] means = [0f, -1.5f, 3e-20f], inverse = [1f, 0.25f, 1e10f];
        TrainingJob job = Make() with { Features = 3, Scaling = FeatureScaling.From(means, inverse) };
        FeatureScaling? back = job.ToMessage().ToJob().Scaling;
        Assert.Equal(means, back!.Means.ToArray());
        Assert.Equal(inverse, back.InverseScales.ToArray());
    }

    [Fact]
    public void Job_MalformedInAnyField_IsRefusedWithTheFieldsName()
    {
        (string Field, Action<V1.JobSpec> Break)[] ways =
        [
            ("job", spec => spec.Job = ""),
            ("job", spec => spec.Job = new string('x', 257)),
            ("rule", spec => spec.Rule = null),
            ("rule", spec => spec.Rule.Schedule = null),
            ("model", spec => spec.Model = V1.ModelKind.Unspecified),
            ("loss", spec => spec.Loss = (V1.LossKind)99),
            ("svm", spec => spec.Model = V1.ModelKind.Svm),
            ("outputs", spec => spec.Outputs = ModelSpec.OutputsMax + 1),
            ("outputs", spec => spec.Outputs = 3),
            ("outputs", spec => (spec.Model, spec.Loss) = (V1.ModelKind.Softmax, V1.LossKind.CrossEntropy)),
            ("margin", spec => spec.Margin = float.NaN),
            ("class_costs", spec => spec.ClassCosts = ByteString.CopyFrom(new byte[16])),
            ("square", spec => spec.ClassCosts = ByteString.CopyFrom(new byte[12])),
            ("huber_delta", spec => spec.HuberDelta = -1),
            ("model", spec => spec.Model = (V1.ModelKind)99),
            ("rule.optimizer", spec => spec.Rule.Optimizer = (V1.Optimizer)99),
            ("rule.schedule.kind", spec => spec.Rule.Schedule.Kind = V1.ScheduleKind.Unspecified),
            ("steps_max", spec => spec.StepsMax = spec.Partitions - 1),
            ("seconds_max", spec => spec.SecondsMax = double.NaN),
            ("snapshot_every", spec => (spec.SnapshotEvery, spec.Sparse) = (2, true)),
            ("snapshot_every", spec => (spec.SnapshotEvery, spec.LocalSteps) = (2, 0)),
            ("features", spec => spec.Features = 0),
            ("features", spec => spec.Features = uint.MaxValue),
            ("epochs", spec => spec.Epochs = 0),
            ("batch", spec => spec.Batch = 0),
            ("batch", spec => spec.Batch = uint.MaxValue),
            ("local_steps", spec => (spec.Batch, spec.LocalSteps) = (65_536, 65_536)),
            ("partitions", spec => spec.Partitions = 0),
            ("partitions", spec => spec.Partitions = 1_000_001),
            ("prefetch", spec => spec.Prefetch = 2),
            ("merge_scale", spec => spec.MergeScale = float.NaN),
            ("merge_scale", spec => spec.MergeScale = 1.5f),
            ("bias_share", spec => spec.BiasShare = -0.5f),
            ("bias_share", spec => spec.BiasShare = float.PositiveInfinity),
            ("rule.schedule.rate", spec => spec.Rule.Schedule.Rate = 0),
            ("rule.schedule.rate", spec => spec.Rule.Schedule.Rate = double.PositiveInfinity),
            ("rule.schedule.decay", spec => spec.Rule.Schedule.Decay = -1),
            ("rule.schedule.total_steps", spec => spec.Rule.Schedule.TotalSteps = 0),
            ("rule.schedule.total_steps", spec => spec.Rule.Schedule.TotalSteps = ulong.MaxValue),
            ("rule.l1", spec => spec.Rule.L1 = -1),
            ("rule.l2", spec => spec.Rule.L2 = double.NaN),
            ("rule.delta", spec => spec.Rule.Delta = -1),
            ("rule.beta", spec => spec.Rule.Beta = float.NaN),
            ("rule.delay_compensation", spec => spec.Rule.DelayCompensation = -1),
            ("rule.schedule.factor", spec => spec.Rule.Schedule.Factor = 1.5),
            ("warmup", spec => spec.Rule.Schedule.Warmup = ulong.MaxValue),
            ("clip_norm", spec => spec.ClipNorm = -1),
            ("clip_value", spec => spec.ClipValue = 1),
            ("local_steps must be 0", spec => spec.Rule.Optimizer = V1.Optimizer.Adam),
            ("rule.momentum", spec => spec.Rule.Momentum = 1),
            ("rule.rho", spec => spec.Rule.Rho = -0.1f),
            ("rule.rho2", spec => spec.Rule.Rho2 = 1.5f),
            ("column_means", spec => spec.ColumnMeans = ByteString.CopyFrom(new byte[4])),
            ("column_inverse_scales", spec => spec.ColumnInverseScales = ByteString.CopyFrom(new byte[400])),
            ("finite", spec => spec.ColumnMeans = spec.ColumnInverseScales = ByteString.CopyFrom(RandomExchange.Bytes<float>([.. Enumerable.Repeat(float.NaN, 100)]))),
        ];
        foreach ((string field, Action<V1.JobSpec> destroy) in ways)
        {
            V1.JobSpec spec = Make().ToMessage();
            destroy(spec);
            ArgumentException refused = Assert.ThrowsAny<ArgumentException>(() => spec.ToJob());
            Assert.Contains(field, refused.Message, StringComparison.Ordinal);
        }
        Assert.Contains("spec", Assert.ThrowsAny<ArgumentException>(() => ((V1.JobSpec)null!).ToJob()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Placement_ThereAndBack_IsTheSame()
    {
        var placement = new ShardPlacement(3, new KeyRange(16, 85), "host:7070");
        Assert.Equal(placement, placement.ToMessage().ToPlacement(Make()));
    }

    [Fact]
    public void Placement_OutsideTheJobsKeys_IsRefused()
    {
        TrainingJob job = Make();
        (ulong First, ulong Count)[] wrong = [(0, 0), (0, 102), (101, 1), (1, 101), (ulong.MaxValue, 2), (2, ulong.MaxValue)];
        foreach ((ulong first, ulong count) in wrong)
            Assert.Throws<ArgumentException>(() => new V1.ShardPlacement { FirstKey = first, Count = count }.ToPlacement(job));
        Assert.Throws<ArgumentException>(() => new V1.ShardPlacement { Shard = uint.MaxValue, Count = 1 }.ToPlacement(job));
        Assert.Equal(101, new V1.ShardPlacement { FirstKey = 0, Count = 101 }.ToPlacement(job).Keys.Count);
    }

    private static readonly long[] PartitionRows = [1L << 40, 0, 1, 2];

    private static TrainingJob Make() => new()
    {
        Name = "a job",
        Model = ModelSpec.Of(ModelKind.Linear, LossKind.Huber) with { HuberDelta = 2.5f },
        Rule = new UpdateRule { Optimizer = OptimizerKind.AdaGrad, Schedule = new Schedule(ScheduleKind.Cosine, 0.5, 0.25, 99) { Factor = 0.75, StepLength = 11, Warmup = 13 }, L1 = 0.001, L2 = 0.5, Delta = 1e-6f, Momentum = 0.8f, Rho = 0.7f, Rho2 = 0.99f, Beta = 2, DelayCompensation = 0.5f, StalenessAware = true },
        Features = 100,
        Sparse = true,
        Epochs = 7,
        Batch = 3,
        LocalSteps = 5,
        Prefetch = 1,
        MergeScale = 0.5f,
        BiasShare = 0.25f,
        Seed = ulong.MaxValue,
        Partitions = 4,
        Data = new JobData("/data/a file", 1L << 40, 123_456_789_012, 1, -1, 2.5) { StoredBytes = 1L << 33, Sample = uint.MaxValue, PartitionRows = PartitionRows },
    };
}
