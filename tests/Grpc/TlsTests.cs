using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace DistSgd.Grpc.Tests;

public sealed class TlsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TestCertificates Certificates = TestCertificates.Instance;
    private static readonly string RootPem = Certificates.Root.ExportCertificatePem();

    [Fact]
    public async Task Tls_WithTheServersRoot_IsServed()
    {
        await using var host = await StartAsync(new SslCredentials(RootPem));
        Assert.StartsWith("https://", host.Address, StringComparison.Ordinal);
        Assert.Equal("secret", (await host.Client.UnaryAsync(new EchoRequest { Text = "secret" }).ResponseAsync.WaitAsync(Patience)).Text);
        Assert.False(host.Probe.AuthContext!.IsPeerAuthenticated);
        Assert.Equal("ssl", host.Probe.AuthContext.FindPropertiesByName("transport_security_type").Single().Value);
    }

    [Fact]
    public async Task Tls_ServerOfAnUnknownRoot_IsUnavailableAndSaysWhy()
    {
        await using var host = await StartAsync(ChannelCredentials.SecureSsl);
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.StartsWith($"TLS with the server at {host.Address} failed: ", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_PeerCheckOfOnesOwn_Decides()
    {
        VerifyPeerContext? seen = null;
        await using var accepted = await StartAsync(new SslCredentials(RootPem, null, context =>
        {
            seen = context;
            return true;
        }));
        await accepted.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("127.0.0.1", seen!.TargetName);
        Assert.Equal(Certificates.Server.Thumbprint, X509Certificate2.CreateFromPem(seen.PeerPem).Thumbprint);
        await using var refused = await StartAsync(new SslCredentials(RootPem, null, _ => false));
        var e = await Assert.ThrowsAsync<RpcException>(() => refused.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task MutualTls_ClientsNames_AreItsIdentity()
    {
        await using var host = await StartAsync(new SslCredentials(RootPem, TestCertificates.Pair(Certificates.Client)), asksForCertificate: true);
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        var auth = host.Probe.AuthContext!;
        Assert.True(auth.IsPeerAuthenticated);
        Assert.Equal("x509_subject_alternative_name", auth.PeerIdentityPropertyName);
        Assert.Equal(["worker-7.example", "spiffe://example/worker/7", "10.0.0.7"], auth.PeerIdentity.Select(property => property.Value));
        Assert.Equal(["worker-7"], auth.FindPropertiesByName("x509_common_name").Select(property => property.Value));
    }

    [Fact]
    public async Task MutualTls_ClientWithoutNames_IsKnownByItsCommonName()
    {
        await using var host = await StartAsync(new SslCredentials(RootPem, TestCertificates.Pair(Certificates.ClientWithoutNames)), asksForCertificate: true);
        await host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("x509_common_name", host.Probe.AuthContext!.PeerIdentityPropertyName);
        Assert.Equal(["worker-8"], host.Probe.AuthContext.PeerIdentity.Select(property => property.Value));
    }

    [Fact]
    public async Task MutualTls_NoCertificate_IsUnavailable()
    {
        await using var host = await StartAsync(new SslCredentials(RootPem), asksForCertificate: true);
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
    }

    [Theory]
    [InlineData("https://localhost:1", false, "is with TLS, the channel's credentials are without")]
    [InlineData("http://localhost:1", true, "is without TLS, the channel's credentials are with")]
    [InlineData("dns:///localhost:1", null, "doesn't say whether there is TLS")]
    public void Credentials_AgainstTheAddress_AreRefused(string address, bool? isSecure, string why)
    {
        var options = new GrpcChannelOptions
        {
            Credentials = isSecure is null ? null : isSecure.Value ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure,
        };
        var e = Assert.Throws<InvalidOperationException>(() => GrpcChannel.ForAddress(address, options));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SslSettings_WithAHandlerOfOnesOwn_AreRefused()
    {
        using var handler = new SocketsHttpHandler();
        var options = new GrpcChannelOptions { Credentials = new SslCredentials(RootPem), HttpHandler = handler };
        var e = Assert.Throws<ArgumentException>(() => GrpcChannel.ForAddress("https://localhost:1", options));
        Assert.Contains("set the handler's SslOptions instead", e.Message, StringComparison.Ordinal);
    }

    private static Task<EchoHost> StartAsync(ChannelCredentials credentials, bool asksForCertificate = false) => EchoHost.StartAsync(
        client: new GrpcChannelOptions { Credentials = credentials },
        listens: listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = Certificates.Server;
            https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            https.ClientCertificateMode = asksForCertificate ? ClientCertificateMode.RequireCertificate : ClientCertificateMode.NoCertificate;
            https.ClientCertificateValidation = (certificate, _, _) => IsOurs(certificate);
        }));

    private static bool IsOurs(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.Add(Certificates.Root);
        return chain.Build(certificate);
    }
}
