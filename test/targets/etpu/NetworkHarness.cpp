// dev harness: model JSON -> Network -> program -> simulate; compare with plain loops.
#include "targets/etpu/Network.h"
#include "runtime/devices/etpu/Simulator.h"
#include <nlohmann/json.hpp>
#include <fstream>
#include <iostream>
#include <random>
#include <chrono>
#include <cmath>
#include <set>
using namespace minnow::etpu; using json=nlohmann::json;
std::mt19937 rng(1);
struct B { Network n; int cur;
 int tensor(unsigned r,unsigned c,unsigned ch){ n.tensors.push_back({r,c,ch}); return n.tensors.size()-1; }
 void params(Layer&l,unsigned k,unsigned ch){ l.header.zero=int(rng()%17)-8; l.header.shift=7; 
   double s=1.0/(std::sqrt(double(k))*73*60/50.); for(unsigned i=0;i<ch;i++){ l.biases.push_back(int(rng()%2001)-1000); l.factors.push_back(int(s*(1ll<<38)*(0.5+ (rng()%1000)/1000.) *0.02*40)); } }
 int conv(const json&L,int in,std::string name){ auto T=n.tensors[in]; unsigned k=L.value("kernel",1),s=L.value("stride",1),ci=L["in"],co=L["out"],g=L.value("groups",1);
   bool same=n.name.find("efficientnet")!=std::string::npos; (void)same; unsigned p=(k-1)/2; unsigned OH=(T.rows+2*p-k)/s+1,OW=(T.columns+2*p-k)/s+1; Layer l; l.name=name; l.input=in; l.kernelHeight=l.kernelWidth=k; l.stride=s; l.padTop=l.padBottom=l.padLeft=l.padRight=p; l.padValue=int(rng()%9)-4;
   l.kind = g>1?LayerKind::DwConv:LayerKind::Conv; l.output=tensor(OH,OW,co); l.weights.resize(k*k*(g>1?1:ci)*co); for(auto&w:l.weights) w=int(rng()%255)-127; params(l,k*k*(g>1?1:ci),co); if(L["activation"]=="gelu"){ for(int i=0;i<256;i++) l.table.push_back(rng()); } n.layers.push_back(l); return l.output; }
};
// reference
using Map=std::vector<int8_t>;
std::vector<Map> reference(const Network&n,const Map&input){ std::vector<Map> v(n.tensors.size()); v[n.inputs[0]]=input;
 for(auto&l:n.layers){ auto&T=n.tensors[l.output]; Map out(T.rows*T.columns*T.channels); auto fin=[&](size_t pos,unsigned c,int32_t scaled){ int8_t r=roundToByte(l.header,scaled); return l.table.empty()||l.kind==LayerKind::Lookup?r:int8_t(l.table[r+128]); };
  auto&I=n.tensors[l.input]; auto&in=v[l.input];
  if(l.kind==LayerKind::Attention){ auto&K=n.tensors[l.key]; unsigned dk=I.channels/l.heads,M=K.rows*K.columns,dv=T.channels/l.heads; unsigned kh=K.channels/dk;
    for(unsigned p=0;p<I.rows*I.columns;p++) for(unsigned h=0;h<l.heads;h++){ unsigned g=h*kh/l.heads; std::vector<int> lg(M); int mx=INT32_MIN; for(unsigned m=0;m<M;m++){int s=0; for(unsigned d=0;d<dk;d++) s+=in[p*I.channels+h*dk+d]*v[l.key][m*K.channels+g*dk+d]; lg[m]=s; mx=std::max(mx,s);} int S=0; std::vector<int> pw(M); for(unsigned m=0;m<M;m++){ int i=std::min(multiplyHigh(mx-lg[m],l.expFactor,31),255); pw[m]=l.expTable[i]; S+=pw[m]; } uint32_t R=0xffffffffu/uint32_t(S); int Mf=multiplyHigh(int(R),l.header.inputFactor,31);
      for(unsigned e=0;e<dv;e++){ int A=0; for(unsigned m=0;m<M;m++) A+=pw[m]*v[l.value][m*n.tensors[l.value].channels+g*dv+e]; out[p*T.channels+h*dv+e]=roundToByte(l.header,multiplyHigh(A<<6,Mf,31)); } }
    v[l.output]=out; continue; }
  for(unsigned y=0;y<T.rows;y++)for(unsigned x=0;x<T.columns;x++){ std::vector<int32_t> acc(T.channels,0);
    if(l.kind==LayerKind::Conv||l.kind==LayerKind::DwConv){ for(unsigned i=0;i<l.kernelHeight;i++)for(unsigned j=0;j<l.kernelWidth;j++){ int iy=int(y*l.stride+i)-int(l.padTop),ix=int(x*l.stride+j)-int(l.padLeft); bool ok=iy>=0&&iy<int(I.rows)&&ix>=0&&ix<int(I.columns); size_t tap=i*l.kernelWidth+j;
        if(l.kind==LayerKind::DwConv) for(unsigned c=0;c<T.channels;c++) acc[c]+=(ok?in[(iy*I.columns+ix)*I.channels+c]:l.padValue)*l.weights[tap*T.channels+c];
        else for(unsigned k=0;k<I.channels;k++){ int a=ok?in[(iy*I.columns+ix)*I.channels+k]:l.padValue; const int8_t*w=&l.weights[(tap*I.channels+k)*T.channels]; for(unsigned c=0;c<T.channels;c++) acc[c]+=a*w[c]; } }
        if(!l.offsets.empty()) for(unsigned c=0;c<T.channels;c++) acc[c]+=l.offsets[(y*T.columns+x)*T.channels+c]; }
    if(l.kind==LayerKind::Pool) for(size_t p=0;p<I.rows*I.columns;p++) for(unsigned c=0;c<T.channels;c++) acc[c]+=in[p*I.channels+c];
    size_t pos=y*T.columns+x; for(unsigned c=0;c<T.channels;c++){ size_t at=pos*T.channels+c; if(l.kind==LayerKind::Lookup){ out[at]=l.table[in[at]+128]; continue;} int32_t s= l.kind==LayerKind::Requant? multiplyHigh(in[at]-l.header.inputZero,l.header.inputFactor,15): multiplyHigh(acc[c]+l.biases[c],l.factors[c],31); if(l.addend>=0) s+=multiplyHigh(v[l.addend][at]-l.header.addendZero,l.header.addendFactor,15); out[at]=fin(pos,c,s); } }
  v[l.output]=out; }
 return v; }
int main(int argc,char**argv){ bool check=argc>3&&std::string(argv[3])!="0"; Machine m; if(argc>2) m.activationBytes=std::stoul(argv[2]); if(argc>4) m.dramBytesPerCycle=std::stoul(argv[4]);
 std::ifstream f(argv[1]); json d=json::parse(f); B b; b.n.name=d["name"]; auto in=d["input"]; b.cur=b.tensor(in[2],in[3],in[1]); b.n.inputs={b.cur}; 
 for(auto&bl:d["blocks"]){ std::string kind=bl["kind"]; int start=b.cur; if(kind=="mqa"){ auto run=[&](const char*k,int t){ for(auto&L:bl[k]) t=b.conv(L,t,k); return t; }; int q=run("query",b.cur),k=run("key",b.cur),v=run("value",b.cur); Layer l; l.kind=LayerKind::Attention;l.name="attention"; l.input=q;l.key=k;l.value=v;l.heads=bl["heads"]; auto Q=b.n.tensors[q]; l.output=b.tensor(Q.rows,Q.columns,l.heads*unsigned(bl["value_width"])); l.expFactor=int(40./ (64*70)*2147483648.0*0.02); for(int i=0;i<256;i++) l.expTable.push_back(std::lround(255*std::exp(-i/40.))); l.header.shift=5; l.header.inputFactor=1<<29; l.header.zero=3;
      for(auto&LL:b.n.layers) if(LL.output==q||LL.output==k||LL.output==v) LL.header.zero=0;
      for(auto&LL:b.n.layers) if(LL.output==k||LL.output==v){ auto&KT=b.n.tensors[k]; LL.offsets.resize(KT.rows*KT.columns*KT.channels); for(auto&o:LL.offsets)o=int(rng()%2001)-1000; }
      b.n.layers.push_back(l); b.cur=l.output; for(auto&L:bl["output"]) b.cur=b.conv(L,b.cur,"output"); }
  else for(auto&L:bl["layers"]){ std::string op=L["op"]; if(op=="conv2d"||op=="linear") b.cur=b.conv(L,b.cur,L["weight"]); else if(op=="global_average_pool"){ Layer l; l.kind=LayerKind::Pool; l.name="pool"; l.input=b.cur; auto T=b.n.tensors[b.cur]; l.output=b.tensor(1,1,T.channels); b.params(l,T.rows*T.columns,T.channels); for(auto&x:l.factors) x= int((1ll<<38)/(T.rows*T.columns)*0.9); b.n.layers.push_back(l); b.cur=l.output; } else { std::cerr<<"op "<<op; return 1; } }
  if(bl["residual"]){ auto&l=b.n.layers.back(); l.addend=start; l.header.addendZero=2; l.header.addendFactor=1<<21; } }
 b.n.outputs={b.cur}; b.n.scales={1,1}; b.n.zeros={0,0}; b.n.isChannelsFirst={false,false};
 auto t0=std::chrono::steady_clock::now(); std::string err; auto P=compileNetwork(m,b.n,err); if(!err.empty()){ std::cerr<<"ERR "<<err<<"\n"; return 1; }
 auto t1=std::chrono::steady_clock::now();
 Program prog; minnow_error e={}; if(readProgram((const uint8_t*)P.code.data(),P.code.size(),P.weights.size(),prog,&e)){ std::cerr<<"READ "<<e.message<<"\n"; return 1; }
 Memory mem(prog.header); auto T=b.n.tensors[b.n.inputs[0]]; Map image(T.rows*T.columns*T.channels); for(auto&x:image)x=rng(); std::vector<uint8_t> out(prog.header.outputBytes); mem.weightSection=(const uint8_t*)P.weights.data(); mem.input=(const uint8_t*)image.data(); mem.output=out.data();
 RunReport r; if(simulate(m,prog.cold,mem,check,r,&e)){ std::cerr<<"SIM "<<e.message<<"\n"; return 1; }
 auto t2=std::chrono::steady_clock::now();
 double comp=P.weightBytes+image.size()+out.size(); double bound=std::max({r.macs/4096.0,comp/32,r.vectorElements/64.0});
 printf("%-28s cycles %9lu bound %9.0f ratio %.3f | dram %.3fx (%.0f prog %lu) act %lu seg %u/%zu slots %u | busy", b.n.name.c_str(),r.cycles,bound,r.cycles/bound,r.getDramBytes()/comp,comp,r.programBytes,P.activationBytes,P.segments,b.n.layers.size(),prog.header.slots); for(auto&en:r.engines) printf(" %.2f",double(en.busy)/r.cycles); printf(" | mac %.2f vec %.2f | compile %.2fs sim %.2fs\n", r.macs/4096.0/r.cycles, r.vectorElements/64./r.cycles,std::chrono::duration<double>(t1-t0).count(),std::chrono::duration<double>(t2-t1).count());
 for(unsigned i=0;i<kEngines;i++){ printf("   %-9s n %6lu busy %8lu stalls",getName(Engine(i)),r.engines[i].instructions,r.engines[i].busy); for(unsigned s=0;s<kStalls;s++) printf(" %s:%lu",getName(Stall(s)),r.engines[i].stalls[s]); printf("\n"); }
 if(check){ auto v=reference(b.n,image); auto&o=v[b.n.outputs[0]]; size_t bad=0; for(size_t i=0;i<o.size();i++) bad+=o[i]!=int8_t(out[i]); std::vector<int> hist(256); std::set<int> distinct(o.begin(),o.end()); printf("   output %zu mismatches of %zu, %zu distinct values\n",bad,o.size(),distinct.size()); }
 if(P.isResident){ auto warm=r; RunReport a,w; Memory mm(prog.header); std::vector<uint8_t> o2(out.size()); mm.weightSection=mem.weightSection; mm.input=mem.input; mm.output=o2.data(); if(simulate(m,prog.load,mm,check,a,&e)||simulate(m,prog.warm,mm,check,w,&e)) {printf("WARM %s\n",e.message);} else printf("   warm %lu cycles, dram %lu, same output %d\n",w.cycles,w.getDramBytes(),int(!check||o2==out)); }
}
