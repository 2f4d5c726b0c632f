using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer.Tests;

/// <summary>Over real gRPC, with one worker and no prefetch, the system gives the oracle's bits as well.</summary>
public sealed class OracleOverGrpcTests
{
    [Fact]
    public async Task TwoServersAndThreeShards_EveryCombinationOfRuleExchangeAndSteps_EqualOracleBitForBit() =>
        await AssertAllEqualAsync(OracleCase.All(shards: 3).Where(way => way.Model.Kind == ModelKind.Logistic && (way.L1 > 0) == (way.L2 > 0)));

    [Fact]
    public async Task OneServerAndOneShard_EveryModel_EqualsOracleBitForBit() =>
        await AssertAllEqualAsync(
            from way in OracleCase.All(shards: 1)
            where way.Batch == 7 && way.LocalSteps != 1 && way.L1 > 0 && way.L2 > 0
            select way with { InitialBias = 0.21f });

    [Fact]
    public async Task DelayCompensationOfALoneWorker_ChangesNoBit() =>
        await AssertAllEqualAsync(
            from way in OracleCase.All(shards: 3)
            where way.Model.Kind == ModelKind.Logistic && way.LocalSteps == 0 && way.Batch == 7 && way.L1 > 0 && way.L2 > 0
            select way with { DelayCompensation = 0.5f });

    private static async Task AssertAllEqualAsync(IEnumerable<OracleCase> ways)
    {
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(servers: 2);
        int number = 0;
        foreach (OracleCase way in ways)
        {
            using Dataset data = OracleCase.Data(way.Model, 25, 37, 0.15, seed: 21);
            TrainingJob job = way.Job(data) with { Name = $"job {++number}" };
            await using GrpcParameterClient client = await cluster.ActivateAsync(job, way.Shards);
            Assert.Equal("", way.Difference(way.Expected(data), await way.OverAsync(job, data, client)));
        }
        Assert.True(number > 8);
    }
}
