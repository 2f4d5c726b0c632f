using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Hosting;

namespace DistSgd.Grpc.Tests;

public sealed class CallCredentialsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly SslCredentials Tls = new(TestCertificates.Instance.Root.ExportCertificatePem());

    [Fact]
    public async Task Credentials_OfChannelAndCall_AreSentWithEachCall()
    {
        var channelCredentials = ChannelCredentials.Create(Tls, CallCredentials.Compose(Adding("a", "1"), Adding("b", "2")));
        await using var host = await StartTlsAsync(channelCredentials);
        var options = new CallOptions(new Metadata { { "echo-d", "4" } }, credentials: Adding("c", "3"));
        await host.Client.UnaryAsync(new EchoRequest(), options).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("1 2 3 4", Join(host, "echo-a", "echo-b", "echo-c", "echo-d"));
        await Task.Run(() => host.Client.Unary(new EchoRequest())).WaitAsync(Patience);
        Assert.Equal("1 2  ", Join(host, "echo-a", "echo-b", "echo-c", "echo-d"));
    }

    [Fact]
    public async Task Credentials_OfEachStreamingShape_AreSent()
    {
        await using var host = await StartTlsAsync(ChannelCredentials.Create(Tls, Adding("a", "1")));
        using (var call = host.Client.Collect())
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = "x" }).WaitAsync(Patience);
            await call.RequestStream.WriteAsync(new EchoRequest { Text = "y" }).WaitAsync(Patience);
            await call.RequestStream.CompleteAsync();
            Assert.Equal("x,y", (await call.ResponseAsync.WaitAsync(Patience)).Text);
            Assert.Equal("1", Join(host, "echo-a"));
        }
        using (var call = host.Client.Chat())
        {
            var read = call.ResponseStream.MoveNext();
            await call.RequestStream.WriteAsync(new EchoRequest { Text = "x" }).WaitAsync(Patience);
            Assert.True(await read.WaitAsync(Patience));
            Assert.Equal("1", Join(host, "echo-a"));
        }
        using (var call = host.Client.Expand(new EchoRequest { Responses = 2 }))
            Assert.Equal(2, (await call.ResponseStream.ReadAllAsync().ToListAsync()).Count);
    }

    [Fact]
    public async Task Headers_ChangedWhileTheCallWaitsForItsCredentials_AreSentAsTheyWere()
    {
        var release = new TaskCompletionSource();
        await using var host = await StartTlsAsync(Tls);
        var headers = new Metadata { { "echo-d", "4" } };
        var call = host.Client.UnaryAsync(new EchoRequest(), new CallOptions(headers, credentials: CallCredentials.FromInterceptor((_, _) => release.Task)));
        headers.Clear();
        headers.Add("echo-e", "not to be sent");
        release.SetResult();
        await call.ResponseAsync.WaitAsync(Patience);
        Assert.Equal("4 ", Join(host, "echo-d", "echo-e"));
    }

    [Fact]
    public async Task Interceptor_IsToldServiceAndMethod()
    {
        AuthInterceptorContext? seen = null;
        await using var host = await StartTlsAsync(Tls);
        var credentials = CallCredentials.FromInterceptor((context, _) =>
        {
            seen = context;
            return Task.CompletedTask;
        });
        await host.Client.UnaryAsync(new EchoRequest(), new CallOptions(credentials: credentials)).ResponseAsync.WaitAsync(Patience);
        Assert.Equal(($"{host.Address}/distsgd.tests.v1.Echo", "Unary"), (seen!.ServiceUrl, seen.MethodName));
    }

    [Fact]
    public async Task Interceptor_ThatFails_EndsTheCallUnsent()
    {
        await using var host = await StartTlsAsync(Tls);
        var thrown = await FailAsync(host, CallCredentials.FromInterceptor((_, _) => throw new IOException("the vault is closed")));
        Assert.Equal(new Status(StatusCode.Unauthenticated, "The call's credentials couldn't be had: the vault is closed"), thrown);
        var status = await FailAsync(host, CallCredentials.FromInterceptor((_, _) => throw new RpcException(new Status(StatusCode.PermissionDenied, "no"))));
        Assert.Equal(new Status(StatusCode.PermissionDenied, "no"), status);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
    }

    [Fact]
    public async Task Interceptor_ThatHangs_EndsWithTheDeadline()
    {
        await using var host = await StartTlsAsync(Tls);
        var hanging = CallCredentials.FromInterceptor((_, _) => Task.Delay(Timeout.Infinite));
        using var call = host.Client.Chat(new CallOptions(deadline: DateTime.UtcNow.AddMilliseconds(100), credentials: hanging));
        var write = call.RequestStream.WriteAsync(new EchoRequest());
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(() => write.WaitAsync(Patience))).StatusCode);
        await call.RequestStream.CompleteAsync().WaitAsync(Patience);
    }

    [Fact]
    public async Task Credentials_WithoutTls_AreRefusedUnlessAllowed()
    {
        await using var host = await EchoHost.StartAsync();
        var refused = await FailAsync(host, Adding("a", "1"));
        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        Assert.Contains("UnsafeUseInsecureChannelCallCredentials", refused.Detail, StringComparison.Ordinal);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
        using var channel = GrpcChannel.ForAddress(host.Address, new GrpcChannelOptions { UnsafeUseInsecureChannelCallCredentials = true });
        await new Echo.EchoClient(channel).UnaryAsync(new EchoRequest(), new CallOptions(credentials: Adding("a", "1"))).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("1", Join(host, "echo-a"));
    }

    [Fact]
    public void Compose_OfWhatCantBe_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(Adding("a", "1")));
        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(ChannelCredentials.Insecure, Adding("a", "1")));
        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(ChannelCredentials.Create(Tls, Adding("a", "1")), Adding("b", "1")));
    }

    private static CallCredentials Adding(string name, string value) => CallCredentials.FromInterceptor(async (_, metadata) =>
    {
        await Task.Yield();
        metadata.Add("echo-" + name, value);
    });

    private static string Join(EchoHost host, params string[] keys) => string.Join(' ', keys.Select(host.Probe.Headers!.GetValue));

    private static async Task<Status> FailAsync(EchoHost host, CallCredentials credentials)
    {
        var call = host.Client.UnaryAsync(new EchoRequest(), new CallOptions(credentials: credentials));
        return (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience))).Status;
    }

    private static Task<EchoHost> StartTlsAsync(ChannelCredentials credentials) => EchoHost.StartAsync(
        client: new GrpcChannelOptions { Credentials = credentials },
        listens: listen => listen.UseHttps(TestCertificates.Instance.Server));
}
