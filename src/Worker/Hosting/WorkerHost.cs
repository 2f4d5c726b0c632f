using System.Net;
using DistSgd.Learning.Batches;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Wire;
using Grpc.Core;
using Grpc.Net.Client;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.Worker.Hosting;

/// <summary>A worker process: asks the coordinator for a partition, trains it over gRPC, reports, and ends.</summary>
/// <param name="options">How it runs.</param>
public sealed class WorkerHost(WorkerOptions options)
{
    private static readonly TimeSpan RegisterWait = TimeSpan.FromSeconds(5);

    /// <summary>Trains one partition.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="WorkerException">The coordinator stays away, the data is not the job's, or a shard refuses; the message says what to do.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!ServerAddress.IsValid(options.Coordinator))
            throw new WorkerException($"'{options.Coordinator}' is not an address; expected --coordinator host:port, for example 10.0.0.5:7070.");
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{options.Coordinator}", new GrpcChannelOptions { MaxReceiveMessageSize = ParametersContract.SpecBytesMax });
        var coordination = new Coordination.CoordinationClient(channel);
        RegisterResponse assignment = await RegisterAsync(coordination, cancellationToken);
        TrainingJob job = assignment.Spec.ToJob();
        var session = new WorkerSession(coordination, assignment, options);
        try
        {
            await TrainAsync(job, assignment, session, cancellationToken);
        }
        catch (Exception failure)
        {
            await session.FailAsync(failure is OperationCanceledException ? "it was told to end" : failure.Message);
            throw;
        }
    }

    private async Task TrainAsync(TrainingJob job, RegisterResponse assignment, WorkerSession session, CancellationToken cancellationToken)
    {
        int partition = (int)assignment.Partition;
        options.Notice?.Invoke($"job '{job.Name}': training partition {partition + 1} of {job.Partitions}");
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task heartbeat = session.HeartbeatAsync(stop);
        try
        {
            PartitionData data = PartitionData.Read(job, partition, options, stop.Token);
            using BlockSet blocks = data.Blocks;
            options.Notice?.Invoke($"job '{job.Name}': partition {partition + 1} of {job.Partitions} has {blocks.RowCount:N0} rows; parsed {data.ParsedBytes:N0} of {job.Data!.Bytes:N0} bytes of text");
            ShardPlacement[] placements = [.. assignment.Shards.Select(shard => shard.ToPlacement(job)).OrderBy(shard => shard.Shard)];
            var bounds = new GrpcClientOptions { RetryDeadline = options.RetryDeadline, Waiting = options.Notice };
            await using var client = new GrpcParameterClient(job.Name, job.KeyFloats, placements, bounds);
            using var loop = new TrainingLoop(job, blocks, client, session);
            session.Watch(loop, client, data.ParsedBytes);
            await session.BeginTogetherAsync(stop.Token);
            await loop.RunAsync(stop.Token);
        }
        catch (OperationCanceledException) when (session.Stopped && !cancellationToken.IsCancellationRequested)
        {
            // Whose end it was is told below.
        }
        catch (ParameterException gone) when (gone.Fault == ParameterFault.NotFound)
        {
            // A job that ends takes its shards with it; the refusal may come before the next report is answered.
            if (!await session.HasEndedAsync(cancellationToken))
                throw;
        }
        finally
        {
            await stop.CancelAsync();
            await heartbeat;
        }
        await session.FinishAsync(cancellationToken);
        if (session.Stopped)
            options.Notice?.Invoke("the coordinator ended the job");
    }

    private async Task<RegisterResponse> RegisterAsync(Coordination.CoordinationClient coordination, CancellationToken cancellationToken)
    {
        var request = new RegisterRequest
        {
            Worker = $"{Dns.GetHostName()}:{Environment.ProcessId}",
            ProcessId = (uint)Environment.ProcessId,
        };
        long started = TimeProvider.System.GetTimestamp();
        var outage = new Outage(options.Coordinator, options.RetryDeadline, options.Notice, TimeProvider.System);
        bool told = false;
        while (true)
        {
            try
            {
                RegisterResponse answer = await coordination.RegisterAsync(request, deadline: DateTime.UtcNow + outage.CallDeadline(RegisterWait) + TimeSpan.FromMilliseconds(request.WaitMs), cancellationToken: cancellationToken);
                if (answer.Assigned)
                    return answer;
                if (outage.Ended() || !told)
                    options.Notice?.Invoke($"waiting for a job at {options.Coordinator}");
                told = true;
                // The first time it is asked without waiting, so that the notice is not late.
                request.WaitMs = (uint)outage.CallDeadline(RegisterWait).TotalMilliseconds;
            }
            catch (RpcException refused)
            {
                cancellationToken.ThrowIfCancellationRequested();
                outage.Failed(refused);
                request.WaitMs = 0;
                await Task.Delay(Outage.RetryInterval, cancellationToken);
            }
            if (options.JobDeadline is { } deadline && TimeProvider.System.GetElapsedTime(started) >= deadline)
                throw new WorkerException($"No job came to {options.Coordinator} within {deadline.TotalSeconds:0} s; start its leader (distsgd train --connect), or give a longer --job-deadline.");
        }
    }
}

/// <summary>A worker could not do its part.</summary>
/// <param name="message">Why, and what to do.</param>
/// <param name="inner">What it came from.</param>
public sealed class WorkerException(string message, Exception? inner = null) : Exception(message, inner);
