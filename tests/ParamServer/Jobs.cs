using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Tests;

/// <summary>Small jobs, shards and pushes.</summary>
internal static class Jobs
{
    public static TrainingJob Make(
        long features = 63, OptimizerKind optimizer = OptimizerKind.Sgd, bool sparse = false, double l1 = 0, double l2 = 0, double rate = 0.25, ScheduleKind schedule = ScheduleKind.Constant) => new()
        {
            Name = "job",
            Model = ModelKind.Logistic,
            Rule = new UpdateRule { Optimizer = optimizer, Schedule = new Schedule(schedule, rate, 0.01, 1000), L1 = l1, L2 = l2 },
            Features = features,
            Sparse = sparse,
            Epochs = 1,
        };

    public static ParameterShard Shard(TrainingJob job) => new(job, 0, new KeyRange(0, job.KeyCount));

    public static PushHeader Gradient(ulong sequence, ulong source = 1, long step = 0, long readVersion = 0) =>
        new(new PushName(source, sequence), PushKind.Gradient, step, 0, readVersion);

    public static PushHeader Delta(ulong sequence, ulong source = 1, double rateSum = 0, long readVersion = 0) =>
        new(new PushName(source, sequence), PushKind.Delta, 0, rateSum, readVersion);

    public static float[] Values(ParameterShard shard)
    {
        var values = new float[shard.Range.Count];
        shard.Pull(ShardKeys.Range(0, values.Length), PullPart.Values, values);
        return values;
    }

    public static float[] Entries(ParameterShard shard)
    {
        var values = new float[shard.Range.Count * shard.Floats.Of(PullPart.Entries)];
        shard.Pull(ShardKeys.Range(0, (int)shard.Range.Count), PullPart.Entries, values);
        return values;
    }
}
