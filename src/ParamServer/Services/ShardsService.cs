using DistSgd.ParamServer.Shards;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using Grpc.Core;

namespace DistSgd.ParamServer.Services;

/// <summary>Activates, describes and deactivates shards on this server.</summary>
/// <param name="registry">The server's shards.</param>
public sealed class ShardsService(ShardRegistry registry) : Protos.V1.Shards.ShardsBase
{
    /// <inheritdoc/>
    public override Task<ActivateResponse> Activate(ActivateRequest request, ServerCallContext context)
    {
        try
        {
            TrainingJob job = request.Spec.ToJob();
            long bytes = registry.Activate(job, [.. request.Shards.Select(shard => shard.ToPlacement(job))]);
            return Task.FromResult(new ActivateResponse { Bytes = (ulong)bytes });
        }
        catch (ParameterException refused)
        {
            throw refused.ToRpcException();
        }
        catch (ArgumentException malformed)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, malformed.Message));
        }
    }

    /// <inheritdoc/>
    public override Task<DeactivateResponse> Deactivate(DeactivateRequest request, ServerCallContext context)
    {
        registry.Deactivate(request.Job);
        return Task.FromResult(new DeactivateResponse());
    }

    /// <inheritdoc/>
    public override Task<DescribeResponse> Describe(DescribeRequest request, ServerCallContext context)
    {
        var answer = new DescribeResponse { ProcessId = (uint)Environment.ProcessId };
        foreach (ParameterShard shard in registry.All.OrderBy(shard => shard.Number))
        {
            if (request.Job.Length == 0 || shard.Job.Name == request.Job)
                answer.Shards.Add(Describe(shard));
        }
        return Task.FromResult(answer);
    }

    private static ShardDescription Describe(ParameterShard shard)
    {
        ShardFigures figures = shard.Figures;
        var description = new ShardDescription
        {
            Job = shard.Job.Name,
            Shard = (uint)shard.Number,
            FirstKey = (ulong)shard.Range.First,
            Count = (ulong)shard.Range.Count,
            Version = (ulong)figures.Version,
            Duplicates = (ulong)figures.Duplicates,
            Refused = (ulong)figures.Refused,
            BytesPushed = (ulong)figures.BytesPushed,
            BytesPulled = (ulong)figures.BytesPulled,
        };
        description.Staleness.Add(figures.Staleness.Select(count => (ulong)count));
        return description;
    }
}
