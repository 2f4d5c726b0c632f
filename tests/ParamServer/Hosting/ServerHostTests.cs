using DistSgd.ParamServer.Hosting;
using DistSgd.Shared.Wire;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DistSgd.ParamServer.Tests.Hosting;

public sealed class ServerHostTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Server_ThatListens_IsServing_AndSaysSoWhenItStops()
    {
        ServerHost host = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{host.Address}");
        var health = new Health.HealthClient(channel);
        HealthCheckResponse now = await health.CheckAsync(new HealthCheckRequest { Service = ParametersContract.ServiceName }, deadline: DateTime.UtcNow + Patience);
        Assert.Equal(ServingStatus.Serving, now.Status);

        using AsyncServerStreamingCall<HealthCheckResponse> watch = health.Watch(new HealthCheckRequest(), deadline: DateTime.UtcNow + Patience);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(ServingStatus.Serving, watch.ResponseStream.Current.Status);
        Task stopped = host.DisposeAsync().AsTask();
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(ServingStatus.NotServing, watch.ResponseStream.Current.Status);
        watch.Dispose();
        await stopped.WaitAsync(Patience);
    }

    [Fact]
    public async Task Reflection_TellsAGenericClientOfEachService()
    {
        await using ServerHost host = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{host.Address}");
        using var call = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo(deadline: DateTime.UtcNow + Patience);
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        string[] names = [.. call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name)];
        Assert.Superset(new HashSet<string> { ParametersContract.ServiceName, "distsgd.v1.Coordination", "distsgd.v1.Shards", "grpc.health.v1.Health" }, names.ToHashSet(StringComparer.Ordinal));
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { FileContainingSymbol = "distsgd.v1.Parameters.PushPull" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.NotEmpty(call.ResponseStream.Current.FileDescriptorResponse.FileDescriptorProto);
    }

    [Theory]
    [InlineData("here", "not an address")]
    [InlineData("127.0.0.1:notaport", "not an address")]
    [InlineData("no-such-host.invalid:7070", "doesn't resolve")]
    public async Task Listen_Malformed_IsRefusedWithASentence(string listen, string expected)
    {
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => ServerHost.StartAsync(new ServerOptions { Listen = listen }, CancellationToken.None));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.Contains(listen, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Listen_OnATakenPort_IsRefusedWithASentence()
    {
        await using ServerHost first = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => ServerHost.StartAsync(new ServerOptions { Listen = first.Address }, CancellationToken.None));
        Assert.Contains($"Cannot listen on {first.Address}", refused.Message, StringComparison.Ordinal);
    }
}
